"""The message alone says what, where, how bad, since when, and what to do; limits cut the least important."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.runbook.reports.notice_text import BODY_CHARACTERS, LISTED, SUBJECT_CHARACTERS, Place, priority_of
from migration_ops.runbook.reports.notices import Notices
from migration_ops.runbook.reports.notify import Message, plan
from migration_ops.runbook.reports.quantities import measured, shown

NOW = datetime(2026, 11, 2, 8, 17, tzinfo=UTC)
DAY = timedelta(hours=24)
CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
PAGE, WARN = Route
PLACE = Place(
    account="123456789012",
    region="eu-central-1",
    environment="production",
    run="https://airflow.example/dags/runbook_health_check/runs/manual__1",
    report="s3://evidence/report.html",
    window="2026-11-02 06:02 UTC to 2026-11-02 08:17 UTC",
)
AGE = Finding(
    "sqs_queue_oldest_message_age",
    "orders",
    CRITICAL,
    86400,
    900,
    "s",
    "oldest message: 86400 s (1 d), limit 900 s (15 min)",
    ("password=hunter2hunter2", {"at": "08:15"}),
    "Look at whatever receives from the queue.",
    "Daily Operations, 2. Queue Monitoring",
    PAGE,
    "Age of the oldest message",
)


def sent(*findings: Finding, place: Place = PLACE, notices: Notices | None = None, **more: Any) -> tuple[Message, ...]:
    return plan("Health check", findings, notices or Notices(), NOW, DAY, place=place, **more).messages


def test_on_call_needs_nothing_but_the_message() -> None:
    [message] = sent(AGE)
    assert message.subject == "CRITICAL: [production] Health check: orders, Age of the oldest message"
    for text in (
        "123456789012",
        "eu-central-1",
        "production",
        PLACE.run,
        PLACE.report,
        PLACE.window,
        "CRITICAL (P1) Age of the oldest message: orders",
        "Seen: 86400 s (1 d), limit 900 s (15 min)",
        "Since: new, first notified now",
        "What to do: Look at whatever receives from the queue.",
        "Check: sqs_queue_oldest_message_age (runbook: Daily Operations, 2. Queue Monitoring)",
        '{"at": "08:15"}',
    ):
        assert text in message.body
    assert "hunter2" not in message.body


def test_it_says_since_when() -> None:
    notices = plan("Health check", [AGE], Notices(), NOW - 3 * DAY, DAY).applied(Notices())
    [message] = sent(AGE, notices=notices)
    assert "Since: first notified 2026-10-30 08:17 UTC, still so" in message.body
    [unknown] = sent(replace(AGE, verdict=UNKNOWN), notices=notices)
    assert "as CRITICAL; now nobody can say whether it still is" in unknown.body


@pytest.mark.parametrize(
    ("verdict", "route", "priority"),
    [
        (CRITICAL, PAGE, "P1"),
        (UNKNOWN, PAGE, "P2"),
        (CRITICAL, WARN, "P3"),
        (UNKNOWN, WARN, "P3"),
        (WARNING, PAGE, "P4"),
    ],
)
def test_each_has_a_priority(verdict: FindingStatus, route: Route, priority: str) -> None:
    assert priority_of(replace(AGE, verdict=verdict, route=route)) == priority


def test_subjects_differ_by_what_is_wrong_and_where() -> None:
    subjects = {
        sent(one, place=place)[0].subject
        for one in (AGE, replace(AGE, resource="billing"), replace(AGE, verdict=UNKNOWN))
        for place in (PLACE, replace(PLACE, environment="test"))
    }
    assert len(subjects) == 6


def test_what_is_not_known_is_said_so() -> None:
    [message] = sent(AGE, place=Place())
    assert "Environment unknown, account unknown, Region unknown" in message.body


def test_limits_cut_the_least_important() -> None:
    many = [replace(AGE, resource=f"queue-{number:03}", route=WARN) for number in range(LISTED + 5)]
    small = [replace(one, verdict=WARNING, resource=f"a-{one.resource}") for one in many]
    [message] = sent(*small, *many)
    assert "queue-039" in message.body
    assert "a-queue" not in message.body
    assert message.body.endswith(f"and {LISTED + 10} more, less severe or equally: see the report")


def test_long_texts_leave_room_for_the_worst_and_for_the_count() -> None:
    long = [
        replace(AGE, resource=f"r{number}" + "x" * 900, reason="y" * 9000, remedy="z" * 9000) for number in range(80)
    ]
    worst = replace(AGE, resource="zzz-worst", check_id="zzz")
    [message] = sent(*(replace(one, verdict=UNKNOWN) for one in long), worst)
    assert len(message.body) <= BODY_CHARACTERS
    assert message.body.index("zzz-worst") < 1500
    assert " more, less severe" in message.body


@pytest.mark.parametrize("text", ["Ü" * 300, "a\nb\r\nc", "x" * 300, "\u202egnp", ""])
def test_a_subject_is_what_sns_takes_and_text_adds_no_lines(text: str) -> None:
    [message] = sent(replace(AGE, resource=text, reason=text, title=text))
    assert message.subject.isascii()
    assert message.subject.isprintable()
    assert 0 < len(message.subject) <= SUBJECT_CHARACTERS
    assert "\u202e" not in message.body
    assert len(message.body.splitlines()) == len(sent(AGE)[0].body.splitlines())


class TestQuantities:
    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (86400, "s", "86400 s (1 d)"),
            (900, "s", "900 s (15 min)"),
            (30, "s", "30 s"),
            (1500.1, "min", "1500 min (1 d)"),
            (-120, "s", "-120 s (-2 min)"),
            (2.5, "%", "2.5 %"),
            (1, "messages", "1 message"),
            (1, "policies", "1 policy"),
            (1, "series with data", "1 series with data"),
            (7, "messages", "7 messages"),
            (None, "s", "–"),
            (True, "", "yes"),
        ],
    )
    def test_a_value_has_its_unit(self, value: Any, unit: str, text: str) -> None:
        assert shown(value, unit) == text

    def test_a_limit_has_its_unit_too(self) -> None:
        said = measured("3 running, the oldest", 1500.1, 360, "min", is_beyond=True)
        assert said == "3 running, the oldest: 1500 min (1 d), limit 360 min (6 h)"

    def test_a_unit_that_is_named_is_not_named_twice(self) -> None:
        assert measured("waiting messages", 120, 100, "messages", is_beyond=True) == "waiting messages: 120, limit 100"
