"""Rules that EventBridge ran later than their events came. No data means none, as AWS/Events sends no zeros."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(rule: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = sum(rule["throttled"]["values"])
    return above(seen, limits.events.max_throttled, "times throttled", FindingVerdict.WARNING)
