"""Rules that EventBridge ran later than their events came. No data means none, as AWS/Events sends no zeros."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(rule: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = sum(rule["throttled"]["values"])
    return above(seen, limits.events.max_throttled, "times throttled", FindingVerdict.WARNING)
