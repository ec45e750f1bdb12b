"""No locked package has a known vulnerability, by a scan that is recent and saw all of them."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.scanners.pip_audit import NO_ENTRY

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
    skipped = [one["name"] for one in scan["skipped"] if one["reason"] != NO_ENTRY]
    if gaps:
        yield unknown("; ".join(gaps), evidence=(scan["source"],))
    elif skipped:
        # It says so in every report (packages of a private index): only a person can answer.
        yield warning(
            f"for a person to answer: the scanner cannot look at {_some(skipped)}; ask their authors",
            value=len(skipped),
            limit=0,
            evidence=(scan["source"],),
        )
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
    odd = [one["name"] for one in scan["skipped"] if one["reason"] == NO_ENTRY]
    if odd:
        gaps.append(f"it says nothing of {_some(odd)}")
    return gaps


def _some(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
