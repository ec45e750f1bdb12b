"""When each quota will be reached, from to: by the band around the line through the weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.series import days_from_last
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.forecast import TooFewPoints, forecast


def judge(quota: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Only of what AWS keeps a history."""
    weeks, limit, horizon = quota["weeks"], quota["limit"], limits.capacity.forecast_days
    if not quota["hasHistory"]:
        return None
    if not weeks:
        return ok("no use was reported", limit=horizon)
    now = datetime.fromisoformat(weeks[-1][0])
    try:
        line = forecast(days_from_last(weeks), limits.capacity.min_points)
    except TooFewPoints as error:
        return unknown(error.message, limit=horizon)
    reached = line.reached(limit)
    named = {"earliest": reached.earliest_days, "likely": reached.likely_days, "latest": reached.latest_days}
    dates = {name: _date(now, days) for name, days in named.items()}
    expected = line.at(horizon)
    band = {"from": round(expected.low, 1), "to": round(expected.high, 1), "inDays": horizon, "quota": limit}
    seen = {"value": reached.likely_days, "limit": horizon, "evidence": (dates, band)}
    soonest = reached.earliest_days
    if soonest is not None and soonest <= horizon:
        return warning(f"reached between {dates['earliest']} and {dates['latest']}", **seen)
    return ok(f"not reached in {horizon} days; at the earliest: {dates['earliest']}", **seen)


def _date(now: datetime, days: int | None) -> str:
    return "later than in two years" if days is None else (now + timedelta(days=days)).date().isoformat()
