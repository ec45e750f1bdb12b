"""The capacity plan's judgements at their limits, and of what was not read or is too little to judge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.capacity.quota_list import QUOTAS
from migration_ops.runbook.reports.tables import tables_of
from tests.runbook.judged import NOT_READ, one

OK, WARNING = FindingVerdict.OK, FindingVerdict.WARNING
CRITICAL, UNKNOWN = FindingVerdict.CRITICAL, FindingVerdict.UNKNOWN
END = datetime(2026, 5, 20, tzinfo=UTC)


def weeks(*values: float) -> list[list[Any]]:
    """The last value is of the week that ends now."""
    return [
        [(END - timedelta(days=7 * ago)).isoformat(), value]
        for ago, value in zip(reversed(range(len(values))), values, strict=True)
    ]


def quota(**changes: Any) -> dict[str, Any]:
    return {"limit": 100.0, "source": "applied", "used": 50.0, "hasHistory": True, "weeks": []} | changes


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, OK),
        ({"used": 80}, OK),
        ({"used": 80.1}, WARNING),
        ({"used": 100}, CRITICAL),
        ({"used": None}, OK),
        ({"used": NOT_READ}, UNKNOWN),
        ({"limit": NOT_READ, "source": NOT_READ}, UNKNOWN),
    ],
)
def test_use_of_a_quota(changes: dict[str, Any], verdict: FindingVerdict) -> None:
    assert one("capacity", "quota_usage", quota(**changes)).verdict is verdict


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        (weeks(*range(40, 76, 3)), WARNING),
        (weeks(*[50, 51] * 6), OK),
        # Both lines lead to about 90 in a quarter. One is sure of it, the band of the other reaches over the quota.
        (weeks(10, 14, 17, 21, 24, 28, 31, 35, 38, 42, 45), OK),
        (weeks(10, 31, 6, 38, 13, 48, 18, 55, 28, 58, 36), WARNING),
        # Seven weeks that would lead there at once: no line, and no OK either.
        (weeks(40, 50, 60, 70, 80, 90, 99), UNKNOWN),
        (weeks(40, 99), UNKNOWN),
        (NOT_READ, UNKNOWN),
        ([], OK),
    ],
)
def test_when_a_quota_is_reached(seen: Any, verdict: FindingVerdict) -> None:
    assert one("capacity", "quota_reached", quota(weeks=seen)).verdict is verdict


def test_when_is_a_range_of_dates() -> None:
    found = one("capacity", "quota_reached", quota(weeks=weeks(40, 44, 49, 52, 58, 61, 67, 70, 76, 79)))
    dates = found.evidence[0]
    assert dates["earliest"] < dates["likely"] < dates["latest"]
    assert found.reason == f"reached between {dates['earliest']} and {dates['latest']}"


def test_a_quota_without_history_is_not_forecast() -> None:
    found = one("capacity", "quota_reached", quota(hasHistory=False))
    assert (found.resource, found.verdict) == ("*", OK)


def growth(kind: str, seen: Any, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "unit": "MiB", "weeks": seen} | more


@pytest.mark.parametrize(
    ("thing", "verdict"),
    [
        (growth("bucket", weeks(*range(100, 112))), OK),
        (growth("bucket", weeks(*range(1, 13))), WARNING),
        # What the system is for may grow.
        (growth("migrations", weeks(*range(1, 13))), OK),
        # Any direction is possible: no alarm.
        (growth("logs", weeks(1, 30, 2, 28, 3, 31, 2, 33, 4, 40, 1, 36)), OK),
        (growth("logs", []), OK),
        (growth("bucket", []), UNKNOWN),
        (growth("migrations", []), UNKNOWN),
        (growth("logs", weeks(1, 2, 3)), UNKNOWN),
        (growth("bucket", NOT_READ), UNKNOWN),
        (growth("table", [], size={"items": 5, "bytes": 400}), OK),
        (growth("table", [], size=NOT_READ), UNKNOWN),
        (growth("table", [], size={"items": 5}), UNKNOWN),
    ],
)
def test_growth(thing: dict[str, Any], verdict: FindingVerdict) -> None:
    assert one("capacity", "growth_forecast", thing).verdict is verdict


def test_a_quota_that_cannot_be_raised_is_documented_and_all_others_are_asked_for() -> None:
    assert {one.name for one in QUOTAS if one.fixed is not None} == {
        "MGN jobs at once",
        "MGN source servers in all jobs",
    }
    assert all(one.code or one.words for one in QUOTAS if one.fixed is None)


def test_a_plot_has_the_band_and_a_quota_that_is_near() -> None:
    near, far = quota(weeks=weeks(*range(40, 52))), quota(weeks=weeks(*range(40, 52)), limit=9_000.0)
    estate = {
        "quotas": {"quotas": [near | {"name": "near"}, far | {"name": "far"}, quota(name="none")]},
        "growth": {"series": []},
    }
    tables = {one["title"]: one for one in tables_of("capacity", Facts(estate), Thresholds())}
    assert set(tables) == {"Quotas", "Forecast: near", "Forecast: far"}
    names = [one["name"] for one in tables["Forecast: near"]["chart"]["series"]]
    assert names == ["seen", "expected", "at least", "at most", "quota"]
    assert "quota" not in [one["name"] for one in tables["Forecast: far"]["chart"]["series"]]


def test_of_many_logs_the_largest_are_shown() -> None:
    logs = [growth("logs", weeks(*range(size, size + 12)), name=f"log-{size}") for size in range(9)]
    unread = growth("logs", NOT_READ, name="log-unread")
    estate = {"quotas": {"quotas": []}, "growth": {"series": [*logs, unread]}}
    titles = [one["title"] for one in tables_of("capacity", Facts(estate), Thresholds())[1:]]
    assert titles == [f"Forecast: log-{size}" for size in (8, 7, 6, 5, 4, 3)]


def test_a_table_whose_facts_were_not_read_says_so() -> None:
    estate = {"quotas": {"quotas": NOT_READ}, "growth": NOT_READ}
    tables = tables_of("capacity", Facts(estate), Thresholds())
    assert {one["head"][0] for one in tables} == {"Could not be read"}


def test_one_quota_that_was_not_read_hides_no_other() -> None:
    estate = {"quotas": {"quotas": [quota(name="a"), quota(name="b", used=NOT_READ)]}, "growth": {"series": []}}
    rows = tables_of("capacity", Facts(estate), Thresholds())[0]["rows"]
    assert [row[0] for row in rows] == ["a", "b"]
    assert "access denied" in rows[1][1]
