"""Invocations that Lambda refused for want of concurrency. They are counted neither as invocations nor as errors."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """No data point is no refusal: a counter that CloudWatch could be asked for and has nothing of."""
    throttles = sum(function["throttles"]["values"])
    return above(throttles, limits.functions.max_throttles, "throttled invocations", FindingVerdict.WARNING)
