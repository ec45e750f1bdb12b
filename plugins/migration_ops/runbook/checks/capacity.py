"""Growth and quotas: when a limit is reached."""

from __future__ import annotations

from datetime import datetime, timedelta

from migration_ops.aws.inventory import quotas
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, critical, ok, unknown, warning
from migration_ops.core.series import days_from_last
from migration_ops.core.thresholds import Thresholds
from migration_ops.ledger import growth
from migration_ops.runbook.checks.chapters import CAPACITY
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.forecast import TooFewPointsError, forecast


@check(
    CAPACITY,
    about=quotas.LISTED_QUOTAS,
    title="Quotas in use",
    section="Maintenance Tasks, Quarterly 2. Capacity Planning",
    unit="%",
    risk="A wave fails halfway when a quota refuses a launch or a replication.",
    remedy=("Request an increase in Service Quotas weeks before the wave; if it cannot be raised, plan smaller waves."),
)
def quota_usage(quota: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """How much of each quota is used."""
    limit, most = quota["limit"], limits.capacity.max_quota_percent
    used = quota.optional("used")
    if used is None:
        # AWS names the metric for this quota; it has no values where nothing is used.
        return ok(f"no use was reported in the last week, the quota is {limit:g}", limit=most)
    percent = round(100 * used / limit, 1)
    said = f"{used:g} of {limit:g} ({quota['source']})"
    seen = {"value": percent, "limit": most}
    if percent >= 100:
        return critical(f"{said}: the quota is used up", **seen)
    return warning(said, **seen) if percent > most else ok(said, **seen)


@check(
    CAPACITY,
    about=quotas.LISTED_QUOTAS,
    title="When quotas are reached",
    section="Maintenance Tasks, Quarterly 2. Capacity Planning",
    unit="days",
    risk="The quota is reached before the next plan is made.",
    remedy="Request an increase in Service Quotas now, or spread the waves.",
)
def quota_reached(quota: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Only for quotas whose use AWS keeps a history of."""
    weeks, limit, horizon = quota["weeks"], quota["limit"], limits.capacity.forecast_days
    if not quota["hasHistory"]:
        return None
    if not weeks:
        return ok("no use was reported", limit=horizon)
    now = datetime.fromisoformat(weeks[-1][0])
    try:
        line = forecast(days_from_last(weeks), limits.capacity.min_points)
    except TooFewPointsError as error:
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


@check(
    CAPACITY,
    about=growth.SERIES,
    title="Growth",
    section="Maintenance Tasks, Quarterly 2. Capacity Planning",
    unit="%",
    risk="Storage and logs that grow like this cost money for ever.",
    remedy=("Look at what is written; set retention and lifecycle rules, archive ended migrations."),
)
def growth_forecast(series: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Forecast growth of each series. That of migrations is shown, and is no fault."""
    if series["kind"] == "table":
        size = series["size"]
        return ok(f"{size['items']} items, {size['bytes']} bytes (as of some hours ago); AWS keeps no history of it")
    weeks, horizon, most = series["weeks"], limits.capacity.forecast_days, limits.capacity.max_growth_percent
    if not weeks and series["kind"] == "logs":
        return ok("nothing was written in a whole week", limit=most)
    try:
        line = forecast(days_from_last(weeks), limits.capacity.min_points)
    except TooFewPointsError as error:
        if series.optional("isHistoryExpected", True):
            return unknown(f"weeks: {error.message}", limit=most)
        return warning(f"no forecast yet, weeks: {error.message}", limit=most)
    today, then = line.at(0), line.at(horizon)
    percent = round(100 * (then.middle / today.middle - 1), 1) if today.middle > 0 else None
    unit = series["unit"]
    said = f"{today.middle:,.1f} {unit} now, {then.middle:,.1f} ({then.low:,.1f} to {then.high:,.1f}) in {horizon} days"
    seen = {"value": percent, "limit": most, "evidence": ({"unit": unit, "weeks": line.points},)}
    # An interval that reaches below today's value means that it may not grow at all.
    is_growth = percent is not None and percent > most and then.low > today.middle
    return (warning if is_growth and series["kind"] != "migrations" else ok)(said, **seen)
