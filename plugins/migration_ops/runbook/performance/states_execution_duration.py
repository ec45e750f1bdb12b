"""State machines whose slowest hundredth of executions takes too long."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds

MS_A_MINUTE = 60_000


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    ended = sum(total(series) for series in machine["ended"])
    worst = {key: worst_day(machine["executionTime"][key]) for key in ("p50", "p95", "p99")}
    slowest = worst["p99"]
    if slowest is None:
        if ended:
            return unknown(f"{ended:.0f} executions ended, and CloudWatch has no execution time")
        return ok("no execution ended in the window")
    minutes = {key: round((value or 0) / MS_A_MINUTE, 2) for key, value in worst.items()}
    most = limits.performance.max_execution_minutes
    return above(minutes["p99"], most, "p99 of the slowest day", FindingVerdict.WARNING, evidence=(minutes,))
