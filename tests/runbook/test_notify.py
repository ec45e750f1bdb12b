"""Who is notified of what, when, and when it has ended: nothing falsely, nothing twice, nothing never."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.runbook.reports.notices import Notice, Notices
from migration_ops.runbook.reports.notify import NotificationPlan, plan, route_of

NOW = datetime(2026, 11, 2, 8, 17, tzinfo=UTC)
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)
CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
PAGE, WARN = Route
SAMPLES = Path(__file__).with_name("kept_before")


def finding(verdict: FindingStatus, resource: str = "queue", route: Route = PAGE, **more: Any) -> Finding:
    check = more.pop("check", "dead_letters")
    return Finding(check, resource, verdict, route=route, reason=f"{resource} is {verdict}", **more)


class Runs:
    """Runs of one DAG, each notifying of what its findings make due."""

    def __init__(self, period: timedelta = 2 * HOUR) -> None:
        self.notices, self.now, self.period = Notices(), NOW, period

    def run(self, *findings: Finding, after: timedelta | None = None, **more: Any) -> list[tuple[str, str]]:
        """Route and the first word of each subject."""
        planned = self.plan(*findings, after=after, **more)
        self.notices = Notices.from_document(json.loads(json.dumps(planned.applied(self.notices).as_document())))
        return [(one.route.value, one.subject.split(":")[0].split(" [")[0]) for one in planned.messages]

    def plan(self, *findings: Finding, after: timedelta | None = None, **more: Any) -> NotificationPlan:
        self.now += self.period if after is None else after
        return plan("Health", findings, self.notices, self.now, DAY, period=self.period, **more)


@pytest.mark.parametrize(
    ("verdict", "route", "expected"),
    [
        (CRITICAL, PAGE, PAGE),
        (UNKNOWN, PAGE, PAGE),
        (WARNING, PAGE, WARN),
        (CRITICAL, WARN, WARN),
        (UNKNOWN, WARN, WARN),
    ],
)
def test_a_warning_wakes_nobody(verdict: FindingStatus, route: Route, expected: Route) -> None:
    assert route_of(finding(verdict, route=route)) is expected


def test_what_is_well_is_not_notified() -> None:
    assert Runs().run(finding(OK)) == []


def test_what_is_new_is_notified_once() -> None:
    runs = Runs()
    assert runs.run(finding(CRITICAL)) == [("page", "CRITICAL")]
    assert runs.run(finding(CRITICAL)) == []


@pytest.mark.parametrize(("before", "now"), [(UNKNOWN, CRITICAL), (WARNING, CRITICAL), (CRITICAL, UNKNOWN)])
def test_another_verdict_is_notified_at_once(before: FindingStatus, now: FindingStatus) -> None:
    runs = Runs()
    runs.run(finding(before))
    assert ("page", now.value) in runs.run(finding(now))
    assert runs.run(finding(now)) == []


def test_an_all_clear_goes_where_the_alarm_went_once() -> None:
    runs = Runs()
    runs.run(finding(CRITICAL, "a"), finding(WARNING, "b"))
    assert runs.run(finding(OK, "a"), finding(OK, "b")) == [("page", "All clear"), ("warn", "All clear")]
    assert runs.run(finding(OK, "a"), finding(OK, "b")) == []


class TestWhatWasNotLookedAt:
    """Each ``blind`` run says nothing of the queue; the queue is as bad before it as after it."""

    @pytest.mark.parametrize(
        ("blind", "said"),
        [
            ([finding(UNKNOWN, "*")], [("page", "UNKNOWN")]),
            ([finding(UNKNOWN, "*"), finding(OK, "other")], [("page", "UNKNOWN")]),
            ([finding(UNKNOWN, "queue")], [("page", "UNKNOWN")]),
            ([finding(UNKNOWN, "what holds the queue"), finding(OK, "other")], [("page", "UNKNOWN")]),
            ([finding(OK, "*", conclusive=False)], []),
            ([finding(OK, "queue", conclusive=False)], []),
            ([finding(OK, "other", check="another_check")], []),
            ([], []),
        ],
        ids=["list", "one entry", "resource", "what holds it", "none expected", "no data", "skipped", "nothing"],
    )
    def test_it_is_neither_over_nor_due_again(self, blind: list[Finding], said: list[tuple[str, str]]) -> None:
        runs = Runs()
        runs.run(finding(CRITICAL))
        assert runs.run(*blind) == said
        assert runs.run(*blind) == [], "UNKNOWN is notified once"
        again = runs.run(finding(CRITICAL))
        assert "CRITICAL" not in str(again)
        assert "All clear" not in str(again)
        assert runs.run(finding(OK)) == [("page", "All clear")]

    def test_of_a_warning_too(self) -> None:
        runs = Runs()
        runs.run(finding(WARNING))
        assert runs.run(finding(UNKNOWN)) == [("page", "UNKNOWN")]
        assert runs.run(finding(WARNING)) == [("page", "No longer reported")], "on-call hears that it is readable"
        assert runs.run(finding(OK)) == [("warn", "All clear")]

    def test_a_second_time_unknown_is_notified_again(self) -> None:
        runs = Runs()
        runs.run(finding(CRITICAL))
        runs.run(finding(UNKNOWN))
        runs.run(finding(CRITICAL))
        assert runs.run(finding(UNKNOWN)) == [("page", "UNKNOWN")]

    def test_a_worse_finding_after_it_is_notified(self) -> None:
        runs = Runs()
        runs.run(finding(WARNING))
        runs.run(finding(UNKNOWN, "*"))
        assert ("page", "CRITICAL") in runs.run(finding(CRITICAL))

    def test_that_it_can_be_read_again_is_no_all_clear(self) -> None:
        runs = Runs()
        runs.run(finding(UNKNOWN, "*"))
        [message] = runs.plan(finding(CRITICAL, "other"), finding(OK)).messages[1:]
        assert message.subject.startswith("No longer reported")
        assert "can be read again" in message.body


class TestWhatIsGone:
    def test_it_is_said_as_that(self) -> None:
        runs = Runs()
        runs.run(finding(CRITICAL))
        [message] = runs.plan(finding(OK, "other")).messages
        assert message.subject.startswith("No longer reported")
        assert "no longer there" in message.body
        assert "clear" not in (message.subject + message.body).lower()

    def test_what_happened_leaves_the_window(self) -> None:
        runs = Runs()
        runs.run(finding(CRITICAL, "wave run-1", is_event=True))
        [message] = runs.plan(finding(OK, "*")).messages
        assert "no longer in the window" in message.body
        assert "clear" not in (message.subject + message.body).lower()

    def test_a_task_that_was_lost_is_readable_again_once_it_answers(self) -> None:
        runs = Runs()
        runs.run(finding(UNKNOWN, "*", check="scan", route=WARN))
        assert runs.run(finding(OK, check="backup_made")) == []
        assert runs.run(finding(OK, check="backup_made"), answered=["scan"]) == [("warn", "No longer reported")]


class TestAudiences:
    def test_a_changed_route_is_due_at_once_and_the_old_one_hears_once(self) -> None:
        runs = Runs()
        runs.run(finding(CRITICAL))
        assert runs.run(finding(CRITICAL, route=WARN)) == [("warn", "CRITICAL"), ("page", "No longer reported")]
        for _ in range(5):
            assert runs.run(finding(CRITICAL, route=WARN)) == []

    def test_the_old_one_is_told_that_it_is_not_over(self) -> None:
        runs = Runs()
        runs.run(finding(CRITICAL))
        message = runs.plan(finding(WARNING)).messages[-1]
        assert message.route is PAGE
        assert "not over: WARNING now, the topic of warnings is notified from here on" in message.body

    def test_a_warning_that_pages_now_is_over_for_nobody(self) -> None:
        runs = Runs()
        runs.run(finding(WARNING))
        assert runs.run(finding(CRITICAL)) == [("page", "CRITICAL"), ("warn", "No longer reported")]
        assert runs.run(finding(OK)) == [("page", "All clear")]

    def test_unknown_with_another_route_moves_as_well(self) -> None:
        runs = Runs()
        runs.run(finding(UNKNOWN))
        assert runs.run(finding(UNKNOWN, route=WARN)) == [("warn", "UNKNOWN"), ("page", "No longer reported")]
        assert runs.run(finding(UNKNOWN, route=WARN)) == []


class TestReminders:
    @pytest.mark.parametrize("second", [22, 35, 20, 0])
    def test_a_daily_run_that_begins_a_little_sooner_reminds_each_day(self, second: int) -> None:
        runs = Runs(period=DAY)
        runs.run(finding(CRITICAL))
        for _ in range(4):
            assert runs.run(finding(CRITICAL), after=DAY - timedelta(seconds=second)) == [("page", "CRITICAL")]

    def test_every_two_hours_reminds_once_a_day(self) -> None:
        runs = Runs()
        said = [bool(runs.run(finding(CRITICAL), after=2 * HOUR - timedelta(seconds=5))) for _ in range(37)]
        assert [number for number, one in enumerate(said) if one] == [0, 12, 24, 36]

    def test_of_what_nobody_can_read_too(self) -> None:
        runs = Runs(period=DAY)
        runs.run(finding(CRITICAL))
        assert [runs.run(finding(UNKNOWN)) for _ in range(3)] == [[("page", "UNKNOWN")]] * 3

    def test_twice_the_same_day_does_not(self) -> None:
        runs = Runs(period=DAY)
        runs.run(finding(CRITICAL))
        assert runs.run(finding(CRITICAL), after=HOUR) == []

    def test_a_period_of_a_month_does_not_make_it_due_at_once(self) -> None:
        runs = Runs(period=31 * DAY)
        runs.run(finding(CRITICAL))
        assert runs.run(finding(CRITICAL), after=6 * HOUR) == []


def test_the_worst_of_one_resource_counts() -> None:
    assert Runs().run(finding(CRITICAL), finding(OK)) == [("page", "CRITICAL")]
    runs = Runs()
    runs.run(finding(CRITICAL))
    assert runs.run(finding(CRITICAL), finding(OK)) == []


def test_when_it_was_first_notified_is_known_over_audiences_and_reminders() -> None:
    runs = Runs()
    runs.run(finding(WARNING))
    began = runs.now
    runs.run(finding(CRITICAL))
    runs.run(finding(CRITICAL), after=DAY)
    assert runs.notices.of(PAGE)["dead_letters|queue"].first == began


class TestDocumentsOfEarlierVersions:
    """Recorded as the version before kept them."""

    def sample(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((SAMPLES / name).read_text(encoding="utf-8"))
        return found

    def test_notices_are_understood(self) -> None:
        notices = Notices.from_document(self.sample("told.json"))
        at = datetime.fromisoformat("2026-11-02T08:17:31.402519+00:00")
        assert notices.of(PAGE) == {"sqs_dead_letter_depth|orders-dlq": Notice(CRITICAL, at, at)}
        assert list(notices.of(WARN)) == ["mgn_server_replication_lag|s-0a1b2c3d4e5f60718"]
        assert (notices.until, notices.moment, notices.lease) == (None, None, None)

    def test_their_findings_are_not_notified_again(self) -> None:
        notices = Notices.from_document(self.sample("told.json"))
        found = [Finding.from_document(one) for one in self.sample("latest.json")["findings"]]
        now = datetime.fromisoformat("2026-11-02T10:17:31+00:00")
        assert plan("Health check", found, notices, now, DAY).messages == ()

    def test_what_is_kept_is_read_back_as_it_was(self) -> None:
        notices = Notices.from_document(self.sample("told.json")).leased("run-9", NOW, HOUR)
        assert Notices.from_document(json.loads(json.dumps(notices.as_document()))) == notices
