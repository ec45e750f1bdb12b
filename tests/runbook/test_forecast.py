"""The forecast: a line where there is one, a band that holds what it says, and nothing through too few points."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from migration_ops.core.series import WEEK, by_week, day_ends, days_from_last, peak, whole_days
from migration_ops.runbook.forecast import CONFIDENCE, MIN_POINTS, TooFewPoints, forecast, student_t

NOW = datetime(2026, 5, 20, 13, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 5, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("share", "freedom", "exact"),
    [
        (0.9, 2, 1.88562),
        (0.9, 3, 1.63774),
        (0.9, 6, 1.43976),
        (0.9, 30, 1.31042),
        (0.975, 6, 2.44691),
        (0.975, 24, 2.06390),
    ],
)
def test_quantiles_are_those_of_the_tables(share: float, freedom: int, exact: float) -> None:
    assert student_t(share, freedom) == pytest.approx(exact, rel=0.005)


def test_what_lies_on_a_line_is_continued_without_a_band() -> None:
    line = forecast([(-7.0 * week, 100 - week) for week in range(10)])
    assert line.at(70).middle == pytest.approx(110)
    assert line.at(70).high - line.at(70).low == pytest.approx(0)
    assert line.reached(105).likely_days == 35


@pytest.mark.parametrize("points", [[], [(0, 1)], [(-7, 1), (0, 2)], [(-14, 1), (-7, 2), (0, 3)], [(0, 1)] * 9])
def test_too_few_points_are_no_line(points: list[tuple[float, float]]) -> None:
    with pytest.raises(TooFewPoints):
        forecast(points)


def test_more_can_be_asked_for_but_never_less() -> None:
    points = [(float(day), float(day)) for day in range(MIN_POINTS)]
    with pytest.raises(TooFewPoints):
        forecast(points, at_least=MIN_POINTS + 1)
    with pytest.raises(TooFewPoints):
        forecast(points[:2], at_least=1)


def test_the_band_is_wider_the_farther_it_reaches_and_the_fewer_points_there_are() -> None:
    chance = random.Random(7)
    points = [(-7.0 * week, 50 + chance.gauss(0, 4)) for week in range(20)]
    line, short = forecast(points), forecast(points[:6])
    widths = [line.at(day).high - line.at(day).low for day in (0, 90, 365)]
    assert widths == sorted(widths)
    assert short.at(90).high - short.at(90).low > widths[1]


def test_the_band_holds_as_many_new_values_as_it_says() -> None:
    """A band that is too narrow would promise a quota for longer than it lasts."""
    chance, inside, runs = random.Random(11), 0, 2_000
    for _ in range(runs):
        points = [(-7.0 * week, 20 - week + chance.gauss(0, 3)) for week in range(12)]
        band = forecast(points).at(35)
        inside += band.low <= 25 + chance.gauss(0, 3) <= band.high
    assert inside / runs == pytest.approx(CONFIDENCE, abs=0.03)


def test_a_limit_is_reached_from_to() -> None:
    chance = random.Random(3)
    line = forecast([(-7.0 * week, 80 - week + chance.gauss(0, 0.5)) for week in range(16)])
    found = line.reached(90)
    assert found.earliest_days is not None
    assert found.likely_days is not None
    assert found.latest_days is not None
    assert found.earliest_days < found.likely_days < found.latest_days


def test_what_stands_still_never_reaches_its_limit() -> None:
    found = forecast([(-7.0 * week, 10.0 + week % 2) for week in range(12)]).reached(1_000)
    assert (found.earliest_days, found.likely_days, found.latest_days) == (None, None, None)


def test_what_is_over_its_limit_has_reached_it() -> None:
    assert forecast([(-7.0 * week, 100.0 + week % 2) for week in range(12)]).reached(50).likely_days == 0


def test_only_whole_days_count() -> None:
    assert whole_days(NOW, 14) == (MIDNIGHT - timedelta(days=14), MIDNIGHT)


def test_whole_weeks_of_days_hold_seven_values_each() -> None:
    """CloudWatch names the beginning of a day; the day before midnight is the last one."""
    since, end = whole_days(NOW, 28)
    begun = [since + timedelta(days=day) for day in range(28)]
    series = {"times": [one.isoformat() for one in begun], "values": [1.0] * 28}
    weeks = by_week(day_ends(series), since, end, sum)
    assert [value for _, value in weeks] == [7.0, 7.0, 7.0]
    assert [when for when, _ in weeks] == [end - 2 * WEEK, end - WEEK, end]


def test_a_week_without_values_is_zero_or_left_out() -> None:
    since, end = MIDNIGHT - 6 * WEEK, MIDNIGHT
    values = [(end - timedelta(days=day), 2.0) for day in (1, 15, 29)]
    assert [value for _, value in by_week(values, since, end, sum, empty=0.0)] == [0.0, 2.0, 0.0, 2.0]
    assert [value for _, value in by_week(values, since, end, sum)] == [2.0, 2.0]


def test_nothing_gives_no_weeks() -> None:
    assert by_week([], MIDNIGHT - 6 * WEEK, MIDNIGHT, sum, empty=0.0) == []


def test_the_last_week_is_day_zero() -> None:
    weeks = [[(MIDNIGHT - WEEK).isoformat(), 3.0], [MIDNIGHT.isoformat(), 4.0]]
    assert days_from_last(weeks) == [(-7.0, 3.0), (0.0, 4.0)]


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([], 0),
        ([(0, 10, 1)], 1),
        ([(0, 10, 1), (10, 20, 1)], 1),
        ([(0, 10, 1), (9, 20, 1), (9, 12, 5)], 7),
        ([(0, 10, 200), (5, 6, 3), (7, 8, 3)], 203),
    ],
)
def test_the_peak_is_what_overlaps(spans: list[tuple[int, int, int]], most: int) -> None:
    at = [(NOW + timedelta(minutes=begin), NOW + timedelta(minutes=end), weight) for begin, end, weight in spans]
    assert peak(at) == most
