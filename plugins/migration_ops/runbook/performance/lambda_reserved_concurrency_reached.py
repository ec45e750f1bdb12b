"""Functions that reach their reserved concurrency: reserving does not prevent throttling, it causes it above."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement | None:
    reserved = function["concurrency"].maybe("ReservedConcurrentExecutions")
    if reserved is None:
        return None
    if reserved == 0:
        return warning("nothing may run: its reserved concurrency is 0", value=0, limit=0)
    peak = worst_day(function["concurrent"]) or 0
    said = f"at most {peak:.0f} at once, {reserved} reserved"
    throttled = total(function["throttles"])
    if peak >= reserved:
        return warning(said, value=peak, limit=reserved, evidence=({"throttles": throttled},))
    return ok(said, value=peak, limit=reserved)
