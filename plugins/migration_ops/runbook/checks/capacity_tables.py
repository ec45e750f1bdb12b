"""Tables of the capacity plan beside its findings: all quotas, and a forecast plot of each series with a history."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from migration_ops.core.facts import NotReadError, Snapshot
from migration_ops.core.series import days_from_last
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.forecast import Forecast, TooFewPointsError, forecast
from migration_ops.runbook.reports.tables import MakeTables, Table, each_row

# A quota far above the values would make their line flat.
QUOTA_SHOWN_BELOW = 3
STEP_DAYS = 7
# There may be a log group per function; the largest are shown.
LOGS_SHOWN = 6
PERCENT = 100


def quotas(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    yield {
        "title": "Quotas",
        "head": ["Quota", "Used", "Limit", "Percent", "Limit is"],
        "rows": each_row(estate.path("quotas.quotas"), _quota),
    }


def _quota(quota: Snapshot) -> list[Any]:
    used, limit = quota.optional("used"), quota["limit"]
    percent = None if used is None else round(PERCENT * used / limit, 1)
    return [quota["name"], used, limit, percent, quota["source"]]


def plots(estate: Snapshot, limits: Thresholds) -> Iterator[Table]:
    for quota in estate.path("quotas.quotas"):
        yield from _plot(quota, quota.optional("limit"), limits)
    series = estate.path("growth.series")
    logs = sorted((one for one in series if one["kind"] == "logs"), key=_latest, reverse=True)
    for one in [*(one for one in series if one["kind"] != "logs"), *logs[:LOGS_SHOWN]]:
        yield from _plot(one, None, limits)


def _latest(series: Snapshot) -> float:
    """The last week's value; 0 when it could not be read."""
    try:
        weeks = series["weeks"]
    except NotReadError:
        return 0.0
    return float(weeks[-1][1]) if weeks else 0.0


def _plot(thing: Snapshot, limit: float | None, limits: Thresholds) -> Iterator[Table]:
    """No table where there is no forecast: the finding says why."""
    try:
        weeks = thing["weeks"]
        line = forecast(days_from_last(weeks), limits.capacity.min_points)
    except (TooFewPointsError, NotReadError):
        return
    horizon = limits.capacity.forecast_days
    now = datetime.fromisoformat(weeks[-1][0])
    days = [0, horizon // 3, 2 * horizon // 3, horizon]
    yield {
        "title": f"Forecast: {thing['name']}",
        "head": ["Date", "Expected", "At least", "At most"],
        "rows": [[_date(now, day), *_rounded(line, day)] for day in days],
        "chart": {
            "kind": "line",
            "unit": thing.optional("unit", ""),
            "series": _lines(weeks, line, now, limit, horizon),
        },
    }


def _lines(weeks: list[Any], line: Forecast, now: datetime, limit: float | None, horizon: int) -> list[dict[str, Any]]:
    days = [*range(0, horizon, STEP_DAYS), horizon]
    found = [{"name": "seen", "points": [[end, value] for end, value in weeks]}]
    for number, name in enumerate(("expected", "at least", "at most")):
        # No quantity is below zero.
        points = [[_time(now, day), max(0.0, _rounded(line, day)[number])] for day in days]
        found.append({"name": name, "points": points})
    top = max(value for one in found for _, value in one["points"])
    if limit is not None and limit <= QUOTA_SHOWN_BELOW * top:
        found.append({"name": "quota", "points": [[weeks[0][0], limit], [_time(now, horizon), limit]]})
    return found


def _rounded(line: Forecast, day: float) -> list[float]:
    band = line.at(day)
    return [round(value, 1) for value in (band.middle, band.low, band.high)]


def _time(now: datetime, day: float) -> str:
    return (now + timedelta(days=day)).isoformat()


def _date(now: datetime, day: float) -> str:
    return _time(now, day)[:10]


TABLES: dict[str, MakeTables] = {"Quotas": quotas, "Forecasts": plots}
