"""State transitions that Step Functions put off for want of quota."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    throttled = sum(machine["metrics"]["throttled"]["values"])
    return above(throttled, limits.executions.max_throttled, "throttled transitions", FindingVerdict.WARNING)
