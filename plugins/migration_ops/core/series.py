"""Calculations on series of values over time: peaks, days, weeks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_ops.core.facts import Snapshot


def peak(spans: Iterable[tuple[datetime, datetime, int]]) -> int:
    """The largest sum of weights at one moment, of spans ``(begin, end, weight)``. A span does not include its end."""
    changes = [change for begin, end, weight in spans for change in ((begin, weight), (end, -weight))]
    most = present = 0
    for _, weight in sorted(changes, key=lambda one: (one[0], one[1])):
        present += weight
        most = max(most, present)
    return most


DAY, WEEK = timedelta(days=1), timedelta(days=7)
# The end of a week and its value.
Week = tuple[datetime, float]


def whole_days(now: datetime, days: int) -> tuple[datetime, datetime]:
    """Begin and end of the last ``days`` whole days, up to the last midnight (UTC): today is not complete yet."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return end - DAY * days, end


def day_ends(series: dict[str, Any]) -> list[tuple[datetime, float]]:
    """A daily series as ``(end of the day, value)``; CloudWatch gives the beginning of each day."""
    return [
        (datetime.fromisoformat(begun) + DAY, value)
        for begun, value in zip(series["times"], series["values"], strict=True)
    ]


def by_week(
    values: Iterable[tuple[datetime, float]],
    since: datetime,
    now: datetime,
    together: Callable[[list[float]], float],
    *,
    empty: float | None = None,
) -> list[Week]:
    """
    One value per week as ``(end, value)``, oldest first. Weeks end now, a week ago, and so on; a week includes its end.

    The week of the first value, and all before it, are left out: that week may be incomplete.

    :param together: makes one value of all values of a week.
    :param empty: the value of a week without values; None leaves such a week out.
    """
    bins: dict[int, list[float]] = {}
    for at, value in values:
        if since <= at <= now:
            bins.setdefault(int((now - at) / WEEK), []).append(value)
    whole = int((now - since) / WEEK)
    oldest = min(max(bins, default=0), whole) - 1
    found = [(now - WEEK * number, bins.get(number)) for number in range(oldest, -1, -1)]
    weeks = [(end, together(some) if some else empty) for end, some in found]
    return [(end, value) for end, value in weeks if value is not None]


def days_from_last(weeks: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    """``[ISO 8601 end, value]``, oldest first, as ``(days from the last end, value)``: the last is day 0."""
    ends = [datetime.fromisoformat(end) for end, _ in weeks]
    return [((end - ends[-1]) / timedelta(days=1), value) for end, (_, value) in zip(ends, weeks, strict=True)]


def total(series: Snapshot) -> float:
    return float(sum(series["values"]))


def worst_day(series: Snapshot) -> float | None:
    """The largest value of a daily series; None when it is empty."""
    values = series["values"]
    return float(max(values)) if values else None


SECONDS_A_DAY = 86_400


def days_between(earlier: str, later: str) -> float:
    """Days from one ISO 8601 time to another, to one decimal; negative when ``later`` is before ``earlier``."""
    seconds = (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    return round(seconds / SECONDS_A_DAY, 1)
