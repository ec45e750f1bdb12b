"""Whether Access Analyzer looks in this Region, and what it found that nobody decided about."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds

ACTIVE = "ACTIVE"
EVIDENCE = 20


def judge(region: Facts, _: Facts, __: Thresholds) -> Judgement:
    """Findings that somebody archived are decided about, and not counted."""
    looking = [one for one in region["analyzers"] if one["status"] == ACTIVE]
    if not looking:
        return warning("no analyzer of external access is active in this Region")
    found = [each for one in looking for each in one["findings"]]
    if not found:
        return ok("no active findings", value=0, limit=0)
    shown = [f"{one['type']} {one.maybe('resource', one['id'])}" for one in found]
    return warning(
        f"{len(found)} active findings of external access, for example {shown[0]}",
        value=len(found),
        limit=0,
        evidence=tuple(shown[:EVIDENCE]),
    )
