"""Functions whose slowest hundredth comes near their time-out. Averages hide that."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement:
    if not total(function["invocations"]):
        return ok("not invoked in the window")
    worst = {key: worst_day(function["duration"][key]) for key in ("p50", "p95", "p99", "max")}
    slowest = worst["p99"]
    if slowest is None:
        return unknown("it was invoked, and CloudWatch has no duration")
    timeout_ms, most = function["timeoutMs"], limits.performance.max_p99_of_timeout_percent
    percent = round(100 * slowest / timeout_ms, 1)
    said = f"p99 of the slowest day is {slowest:.0f} ms, the time-out {timeout_ms} ms"
    seen = {"value": percent, "limit": most, "evidence": ({"msOfTheSlowestDay": worst},)}
    if percent >= 100:
        return critical(f"{said}: one invocation in a hundred or more times out", **seen)
    return warning(said, **seen) if percent > most else ok(said, **seen)
