"""How much there was at once: the peak of spans that overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_ops.core.facts import Facts


def peak(spans: Iterable[tuple[datetime, datetime, int]]) -> int:
    """The largest sum of weights at one moment of ``(begin, end, weight)``; one that ends as another begins is over."""
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
    """So many days that end with the last midnight (UTC): of today nobody knows yet how much it will be."""
    end = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return end - DAY * days, end


def day_ends(series: dict[str, Any]) -> list[tuple[datetime, float]]:
    """A daily series with the end of each day; CloudWatch names the beginning."""
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
    Whole weeks that end now, a week ago, and so on, oldest first; nothing before the first value. A value counts in
    the week in which its moment lies, and the moment at which one ends belongs to it.

    The week in which the first value lies is left out: it may not have been whole.

    :param together: makes one value of a week's.
    :param empty: of a week without values after the first; None leaves such a week out.
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


def total(series: Facts) -> float:
    return float(sum(series["values"]))


def worst_day(series: Facts) -> float | None:
    """The largest value of a day; None when there is none."""
    values = series["values"]
    return float(max(values)) if values else None
