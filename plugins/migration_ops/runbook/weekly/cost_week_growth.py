"""Services that cost more than in the week before. Little money says nothing."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(service: Facts, _: Facts, limits: Thresholds) -> Judgement:
    now, before = service["now"], service["before"]
    said = f"{now:.2f} {service['currency']} in seven days, {before:.2f} in the seven before"
    least, most = limits.weekly.min_cost_growth, limits.weekly.max_cost_growth_percent
    growth = now - before
    # From nothing there is no percentage; the amount decides alone.
    percent = round(100 * growth / before, 1) if before > 0 else None
    if growth > least and (percent is None or percent > most):
        return warning(said, value=percent, limit=most, evidence=(service.plain(),))
    return ok(said, value=percent, limit=most)
