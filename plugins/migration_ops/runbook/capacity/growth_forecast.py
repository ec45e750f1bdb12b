"""What has no quota and still grows: where it leads in a quarter, with its band."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.series import days_from_last
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.forecast import TooFewPoints, forecast


def judge(series: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """Migrations are what the system is for: their growth is shown, and is no fault."""
    if series["kind"] == "table":
        size = series["size"]
        return ok(f"{size['items']} items, {size['bytes']} bytes (as of some hours ago); AWS keeps no history of it")
    weeks, horizon, most = series["weeks"], limits.capacity.forecast_days, limits.capacity.max_growth_percent
    if not weeks and series["kind"] == "logs":
        return ok("nothing was written in a whole week", limit=most)
    try:
        line = forecast(days_from_last(weeks), limits.capacity.min_points)
    except TooFewPoints as error:
        return unknown(f"weeks: {error.message}", limit=most)
    today, then = line.at(0), line.at(horizon)
    percent = round(100 * (then.middle / today.middle - 1), 1) if today.middle > 0 else None
    unit = series["unit"]
    said = f"{today.middle:,.1f} {unit} now, {then.middle:,.1f} ({then.low:,.1f} to {then.high:,.1f}) in {horizon} days"
    seen = {"value": percent, "limit": most, "evidence": ({"unit": unit, "weeks": line.points},)}
    # A band that reaches below today says that it may as well not grow.
    is_growth = percent is not None and percent > most and then.low > today.middle
    return (warning if is_growth and series["kind"] != "migrations" else ok)(said, **seen)
