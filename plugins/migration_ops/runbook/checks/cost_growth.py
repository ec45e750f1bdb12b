"""Whether something costs more than in the month before: per day, because months differ in length."""

from __future__ import annotations

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, ok, warning
from migration_ops.core.thresholds import Thresholds


def judged(entry: Snapshot, limits: Thresholds, *, may_be_new: bool = False) -> CheckResult:
    """
    Growth of the mean cost per day in percent. Growth below ``cost.minAmount`` is OK.

    :param may_be_new: a cost without an earlier one is no fault (a wave begins).
    """
    now, before, currency = entry["now"], entry["before"], entry["currency"]
    most, least = limits.cost.max_growth_percent, limits.cost.min_amount
    said = f"{now:.2f} {currency} in the last whole month, {before:.2f} in the one before"
    day_now, day_before = now / entry["daysNow"], before / entry["daysBefore"]
    if before <= 0:
        is_fault = now >= least and not may_be_new
        return (warning if is_fault else ok)(f"{said}: new", limit=most)
    # `+ 0.0` makes -0.0 to 0.0.
    percent = round(100 * (day_now / day_before - 1), 1) + 0.0
    more = (day_now - day_before) * entry["daysNow"]
    judge = warning if percent > most and more >= least else ok
    return judge(said, value=percent, limit=most, evidence=({"moreThanBefore": round(more, 2), "unit": currency},))
