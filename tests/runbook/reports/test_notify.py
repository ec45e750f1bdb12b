"""Who is told what, when, and when it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingVerdict, Route
from migration_ops.runbook.reports.notify import LISTED, SUBJECT_CHARACTERS, Message, Telling, decide, route_of

NOW = datetime(2026, 11, 2, 8, 17, tzinfo=UTC)
DAY = timedelta(hours=24)
CRITICAL, UNKNOWN, WARNING, OK = FindingVerdict


def finding(verdict: FindingVerdict, resource: str = "queue", route: Route = Route.PAGE, **more: Any) -> Finding:
    return Finding("dead_letters", resource, verdict, route=route, reason=f"{resource} is {verdict}", **more)


def told_of(*findings: Finding) -> dict[str, dict[str, Any]]:
    return decide("Health", findings, {}, NOW, DAY).told


def tell(findings: list[Finding], told: Any = None, after: timedelta = timedelta(hours=2)) -> Telling:
    return decide("Health", findings, told or {}, NOW + after, DAY)


@pytest.mark.parametrize(
    ("verdict", "route", "expected"),
    [
        (CRITICAL, Route.PAGE, Route.PAGE),
        (UNKNOWN, Route.PAGE, Route.PAGE),
        (WARNING, Route.PAGE, Route.WARN),
        (CRITICAL, Route.WARN, Route.WARN),
        (UNKNOWN, Route.WARN, Route.WARN),
    ],
)
def test_a_warning_wakes_nobody(verdict: FindingVerdict, route: Route, expected: Route) -> None:
    assert route_of(finding(verdict, route=route)) is expected


def test_what_is_well_is_not_told() -> None:
    assert tell([finding(OK)]) == Telling((), {})


def test_what_is_new_is_told_once() -> None:
    first = tell([finding(CRITICAL)])
    assert [(one.route, one.subject) for one in first.messages] == [(Route.PAGE, "CRITICAL: Health, 1 to look at")]
    assert tell([finding(CRITICAL)], first.told, after=timedelta(hours=4)) == Telling((), first.told)


def test_what_is_the_same_keeps_the_time_of_its_telling() -> None:
    """Otherwise a check every two hours would put the reminder off for ever."""
    told = told_of(finding(CRITICAL))
    for hours in range(2, 24, 2):
        telling = tell([finding(CRITICAL)], told, after=timedelta(hours=hours))
        assert telling.messages == ()
        told = telling.told
    assert [one.route for one in tell([finding(CRITICAL)], told, after=DAY).messages] == [Route.PAGE]


def test_after_a_reminder_the_day_begins_anew() -> None:
    reminded = tell([finding(CRITICAL)], told_of(finding(CRITICAL)), after=DAY)
    assert tell([finding(CRITICAL)], reminded.told, after=DAY + timedelta(hours=2)).messages == ()


@pytest.mark.parametrize(("before", "now"), [(CRITICAL, UNKNOWN), (UNKNOWN, CRITICAL), (WARNING, CRITICAL)])
def test_another_verdict_is_told_at_once(before: FindingVerdict, now: FindingVerdict) -> None:
    telling = tell([finding(now)], told_of(finding(before)))
    assert f"{now}: Health, 1 to look at" in [one.subject for one in telling.messages]
    assert telling.told["dead_letters|queue"]["verdict"] == now


def test_an_all_clear_goes_where_the_alarm_went() -> None:
    told = told_of(finding(CRITICAL, "a"), finding(WARNING, "b"))
    telling = tell([finding(OK, "a"), finding(OK, "b")], told)
    assert [(one.route, one.subject) for one in telling.messages] == [
        (Route.PAGE, "All clear: Health, 1 over"),
        (Route.WARN, "All clear: Health, 1 over"),
    ]
    assert "dead_letters a: a is OK" in telling.messages[0].body
    assert telling.told == {}
    assert tell([finding(OK, "a"), finding(OK, "b")], telling.told).messages == ()


def test_on_call_hears_that_what_woke_them_is_only_a_warning_now() -> None:
    """They were told CRITICAL; the warning goes to the other topic, and they would wait for an end for ever."""
    telling = tell([finding(WARNING)], told_of(finding(CRITICAL)))
    assert Route.WARN in [one.route for one in telling.messages]
    assert [one.subject for one in telling.messages if one.route is Route.PAGE] == ["All clear: Health, 1 over"]


def test_what_is_not_there_any_more_is_over_too() -> None:
    telling = tell([], told_of(finding(CRITICAL)))
    said = "dead_letters queue: not found any more in the time that this run looked at"
    assert [one.body for one in telling.messages] == [said]


def test_one_message_a_route_however_many_findings() -> None:
    many = [finding(CRITICAL, f"queue-{number:03}") for number in range(LISTED + 5)]
    telling = tell([*many, finding(WARNING, "small")])
    assert [(one.route, one.subject) for one in telling.messages] == [
        (Route.PAGE, f"CRITICAL: Health, {LISTED + 5} to look at"),
        (Route.WARN, "WARNING: Health, 1 to look at"),
    ]
    assert telling.messages[0].body.endswith("and 5 more")


def test_the_same_findings_twice_are_one() -> None:
    assert tell([finding(CRITICAL), finding(CRITICAL)]) == tell([finding(CRITICAL)])


def test_only_what_is_new_is_listed() -> None:
    telling = tell([finding(CRITICAL, "old"), finding(CRITICAL, "new")], told_of(finding(CRITICAL, "old")))
    assert "new" in telling.messages[0].body
    assert "dead_letters old" not in telling.messages[0].body


def test_the_message_says_what_to_do_and_where_the_report_is() -> None:
    telling = decide("Health", [finding(CRITICAL, remedy="Redrive.")], {}, NOW, DAY, "s3://bucket/report.html")
    assert telling.messages == (
        Message(
            Route.PAGE,
            "CRITICAL: Health, 1 to look at",
            "CRITICAL dead_letters queue: queue is CRITICAL\n    Redrive.\n\nReport: s3://bucket/report.html",
        ),
    )


def test_a_subject_is_what_sns_takes() -> None:
    subject = decide("Ü" * 50 + "\n" + "x" * 200, [finding(CRITICAL)], {}, NOW, DAY).messages[0].subject
    assert subject.isascii()
    assert "\n" not in subject
    assert len(subject) == SUBJECT_CHARACTERS
