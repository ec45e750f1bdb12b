"""Whether Access Analyzer looks in this Region, and what it found that nobody decided about."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts, NotRead
from migration_ops.runbook.judging import Judgement, ok, unknown, warning
from migration_ops.runbook.thresholds import Thresholds

EVIDENCE = 20


ACTIVE = "ACTIVE"


def judge(region: Facts, _: Facts, __: Thresholds) -> Judgement | list[Judgement]:
    """A finding each for the analyzers that look; one for the Region when none does."""
    looking = [one for one in region["analyzers"] if one["status"] == ACTIVE]
    if not looking:
        return warning("no analyzer of external access is active in this Region", value=None, limit=0)
    return [_of(one) for one in looking]


def _of(analyzer: Facts) -> Judgement:
    name = analyzer["name"]
    try:
        found = analyzer["findings"]
    except NotRead as error:
        return unknown(error.message, resource=name)
    if not found:
        return ok("no active findings", value=0, limit=0, resource=name)
    shown = tuple(f"{one['type']} {one.maybe('resource', one['id'])}" for one in found)
    reason = f"{len(found)} active findings of external access, for example {shown[0]}"
    return warning(reason, value=len(found), limit=0, evidence=shown[:EVIDENCE], resource=name)
