"""A linear forecast with its prediction interval. Pure; the standard library only.

Least squares with the prediction interval of a new value. The interval is wide when points are few, far from the line,
or far from the day that is asked about. Fewer than ``MIN_POINTS`` give no forecast: a line always fits two points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, fmean, linear_regression

from migration_ops.core.errors import UnknownError

MIN_POINTS = 4
# The share of new values that lie within the interval.
CONFIDENCE = 0.8
# A line through half a year of data says nothing beyond two years.
LOOK_AHEAD_DAYS = 730


class TooFewPointsError(UnknownError):
    """Too few points for a forecast."""

    code = "TOO_FEW_POINTS"
    hint = "Wait until there is more data."


@dataclass(frozen=True)
class Interval:
    """An expected value (``middle``) and its prediction interval."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class Reached:
    """Days until a limit is reached: by the interval's upper end, the line, its lower end. None: not in two years."""

    earliest_days: int | None
    likely_days: int | None
    latest_days: int | None


@dataclass(frozen=True)
class Forecast:
    """
    The line ``start + slope * day`` and what its interval needs.

    :param slope: per day.
    :param start: the line's value on day 0, which is now; days before are negative.
    :param deviation: standard deviation of the points from the line.
    :param points: how many there are.
    :param mean_day: mean of the points' days.
    :param spread: sum of the squared distances of the points' days from ``mean_day``.
    """

    slope: float
    start: float
    deviation: float
    points: int
    mean_day: float
    spread: float

    def at(self, day: float) -> Interval:
        """The value to expect ``day`` days from now, with its interval."""
        middle = self.start + self.slope * day
        room = 1 + 1 / self.points + (day - self.mean_day) ** 2 / self.spread
        half = student_t((1 + CONFIDENCE) / 2, self.points - 2) * self.deviation * sqrt(room)
        return Interval(middle - half, middle, middle + half)

    def reached(self, limit: float) -> Reached:
        """In how many days a limit is reached; 0: today."""
        return Reached(
            self._first(limit, lambda one: one.high),
            self._first(limit, lambda one: one.middle),
            self._first(limit, lambda one: one.low),
        )

    def _first(self, limit: float, side: Callable[[Interval], float]) -> int | None:
        return next((day for day in range(LOOK_AHEAD_DAYS + 1) if side(self.at(day)) >= limit), None)


def forecast(points: Sequence[tuple[float, float]], at_least: int = MIN_POINTS) -> Forecast:
    """
    The line through ``(days from now, value)``.

    :raises TooFewPointsError: fewer points, or different days, than ``at_least`` (which is at least ``MIN_POINTS``).
    """
    needed = max(at_least, MIN_POINTS)
    days = [day for day, _ in points]
    if len(points) < needed or len(set(days)) < needed:
        raise TooFewPointsError(f"{len(set(days))} points in time, at least {needed} are needed")
    slope, start = linear_regression(days, [value for _, value in points])
    mean_day = fmean(days)
    off = sum((value - start - slope * day) ** 2 for day, value in points)
    return Forecast(
        slope=slope,
        start=start,
        deviation=sqrt(off / (len(points) - 2)),
        points=len(points),
        mean_day=mean_day,
        spread=sum((day - mean_day) ** 2 for day in days),
    )


def student_t(share: float, freedom: int) -> float:
    """
    The quantile of Student's t, by the Cornish-Fisher expansion (Abramowitz and Stegun 26.7.5).

    Good to 0.5 % from two degrees of freedom on for the shares used here.
    """
    z = NormalDist().inv_cdf(share)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92_160,
    )
    return sum(term / freedom**power for power, term in enumerate(terms))
