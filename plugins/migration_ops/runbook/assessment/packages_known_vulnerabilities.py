"""No locked package has a known vulnerability, by a scan that is recent and saw all of them."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown
from migration_ops.core.thresholds import Thresholds

LISTED = 10


def judge(scan: Facts, _: Facts, limits: Thresholds) -> Iterator[Judgement]:
    """One finding for each vulnerable package, and one for the scan itself."""
    vulnerable = scan["vulnerable"]
    for one in vulnerable:
        fixes = f"; mended in {', '.join(one['fixes'])}" if one["fixes"] else "; no version mends it yet"
        yield critical(
            f"known vulnerabilities of {one['version']}: {len(one['advisories'])}{fixes}",
            value=len(one["advisories"]),
            limit=0,
            evidence=tuple(one["advisories"]),
            resource=one["name"],
        )
    gaps = _gaps(scan, limits.audit.max_advisories_age_days)
    if gaps:
        yield unknown("; ".join(gaps), evidence=(scan["source"],))
    else:
        yield ok(
            f"{scan['locked']} packages were looked at, {len(vulnerable)} are vulnerable", evidence=(scan["source"],)
        )


def _gaps(scan: Facts, max_age_days: int) -> list[str]:
    """Why the scan does not say everything."""
    gaps = []
    if scan["ageDays"] > max_age_days:
        gaps.append(f"the scan is {scan['ageDays']:.0f} days old, limit {max_age_days}")
    if scan["unseen"]:
        gaps.append(f"it did not see {_some(scan['unseen'])} at the locked version")
    if scan["skipped"]:
        gaps.append(f"it skipped {_some([one['name'] for one in scan['skipped']])}")
    return gaps


def _some(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
