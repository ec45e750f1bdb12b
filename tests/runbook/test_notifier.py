"""Notifying when something is broken: what was found is heard, once, whatever else fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from include.sandbox.moto.server import EVIDENCE_BUCKET
from include.sandbox.sandbox import Sandbox
from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.runbook.reports.notifier import LEASE, NOT_KNOWN, Notifier, NotifierBusyError, NotRememberedError
from migration_ops.runbook.reports.notify import Message
from migration_ops.runbook.window import Window
from tests.runbook.notified import BEGIN, PERIOD, Dag

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
PAGE, WARN = Route
BAD = Finding("dead_letters", "orders-dlq", CRITICAL, 7, 0, "messages", "lost", route=PAGE)
SMALL = Finding("delayed", "orders", WARNING, 7, 0, "messages", "late")


@pytest.fixture
def dag(box: Sandbox, request: pytest.FixtureRequest) -> Iterator[Dag]:
    box.faults.remove()
    yield Dag(box, f"runbook_{abs(hash(request.node.name))}")
    box.faults.remove()


def refuse(dag: Dag, operation: str) -> Any:
    return dag.box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": operation})


def well(*findings: Finding) -> list[Finding]:
    return [replace(one, verdict=OK) for one in findings]


def said(messages: list[Message]) -> list[tuple[str, str]]:
    return [(one.route.value, one.subject.split(":")[0]) for one in messages]


class TestABrokenBucket:
    def test_what_was_found_is_notified_although_nothing_can_be_read(self, dag: Dag) -> None:
        refuse(dag, "GetObject")
        assert said(dag.run([BAD])) == [("page", "CRITICAL")]
        assert NOT_KNOWN in dag.sent[0].body

    def test_the_task_is_red_and_not_repeated_by_itself(self, dag: Dag) -> None:
        refuse(dag, "GetObject")
        with pytest.raises(NotRememberedError) as raised:
            dag.deliver([BAD], "run", BEGIN)
        assert not raised.value.retryable

    def test_without_anything_to_say_the_failure_itself_is_raised(self, dag: Dag) -> None:
        refuse(dag, "GetObject")
        with pytest.raises(MigrationError) as raised:
            dag.deliver(well(BAD), "run", BEGIN)
        assert not isinstance(raised.value, NotRememberedError)

    def test_what_cannot_be_kept_is_notified_and_red(self, dag: Dag) -> None:
        refuse(dag, "PutObject")
        with pytest.raises(NotRememberedError):
            dag.deliver([BAD], "run", BEGIN)
        assert said(dag.sent) == [("page", "CRITICAL")]

    def test_earlier_notices_that_nobody_understands_hold_nothing_up(self, dag: Dag) -> None:
        dag.store.store.put(f"runbook/{dag.dag_id}/told.json", {"version": 2, "notices": "?"})
        assert said(dag.run([BAD])) == [("page", "CRITICAL")]

    def test_an_unreadable_previous_report_ends_nothing_and_doubles_nothing(self, dag: Dag) -> None:
        dag.run([BAD])
        dag.box.boto("s3").put_object(Bucket=EVIDENCE_BUCKET, Key=f"runbook/{dag.dag_id}/latest.json", Body=b"{")
        assert dag.run([BAD]) == []

    def test_once_it_answers_again_the_all_clear_comes(self, dag: Dag) -> None:
        dag.run([BAD])
        fault = refuse(dag, "GetObject")
        assert dag.run(well(BAD)) == [], "nobody knows whom it would be for"
        dag.box.faults.remove(fault.fault_id)
        assert said(dag.run(well(BAD))) == [("page", "All clear")]


class TestABrokenTopic:
    @pytest.mark.parametrize(("broken", "other"), [(WARN, PAGE), (PAGE, WARN)])
    def test_the_other_audience_hears_once(self, dag: Dag, broken: Route, other: Route) -> None:
        dag.broken.add(broken)
        for _ in range(4):
            dag.run([BAD, SMALL])
        assert [one.route for one in dag.sent] == [other]
        dag.broken.clear()
        assert [one.route for one in dag.run([BAD, SMALL])] == [broken]
        assert dag.run([BAD, SMALL]) == []

    def test_the_task_is_red_with_the_topics_failure(self, dag: Dag) -> None:
        dag.broken.add(WARN)
        with pytest.raises(MigrationError, match="topic does not exist"):
            dag.deliver([BAD, SMALL], "run", BEGIN)

    def test_a_repeated_task_sends_what_is_missing_only(self, dag: Dag) -> None:
        dag.broken.add(WARN)
        dag.run([BAD, SMALL], "run")
        dag.broken.clear()
        assert said(dag.again([BAD, SMALL], "run", dag.now)) == [("warn", "WARNING")]

    def test_an_all_clear_that_was_not_sent_is_due_again(self, dag: Dag) -> None:
        dag.run([BAD])
        dag.broken.add(PAGE)
        assert dag.run(well(BAD)) == []
        dag.broken.clear()
        assert said(dag.run(well(BAD))) == [("page", "All clear")]


class TestAnOlderRun:
    def test_it_notifies_nobody_and_changes_nothing(self, dag: Dag) -> None:
        other = replace(BAD, resource="billing-dlq")
        dag.run([BAD, *well(other)], "monday")
        monday = dag.now
        dag.run([*well(BAD), other], "tuesday")
        kept = [dag.store.load("x", dag.now).latest, dag.store.notified()[0]]
        assert dag.again([BAD, *well(other)], "monday", monday) == []
        assert [dag.store.load("x", dag.now).latest, dag.store.notified()[0]] == kept
        assert dag.run([*well(BAD), other]) == []

    def test_it_says_why(self, dag: Dag) -> None:
        dag.run([BAD], "monday")
        monday = dag.now
        dag.run([BAD], "tuesday")
        assert "older than tuesday" in dag.deliver([BAD], "monday", monday).silent

    def test_its_own_report_is_kept_and_compared_with_nothing(self, dag: Dag) -> None:
        dag.run([BAD], "monday")
        monday = dag.now
        dag.run([BAD], "tuesday")
        dag.keep(well(BAD), "monday", monday)
        base = f"runbook/{dag.dag_id}/{monday:%Y/%m/%d}/monday.json"
        found = dag.store.document(base)
        assert found is not None
        assert (found["verdict"], found["previousRun"]) == ("OK", None)
        assert dag.store.load("x", dag.now).is_superseded is False

    def test_after_one_that_was_for_nobody_to_hear_it_still_notifies(self, dag: Dag) -> None:
        dag.keep([BAD], "by hand", BEGIN + timedelta(minutes=1), notify=False)
        assert said(dag.again([BAD], "scheduled", BEGIN)) == [("page", "CRITICAL")]

    def test_the_latest_cleared_notifies_of_what_is_new(self, dag: Dag) -> None:
        dag.run(well(BAD), "monday")
        assert said(dag.again([BAD], "monday", dag.now)) == [("page", "CRITICAL")]


class TestTwoAtOnce:
    def test_many_runs_at_once_notify_once(self, dag: Dag) -> None:
        errors: list[Exception] = []

        def run(number: int) -> None:
            until = BEGIN + timedelta(seconds=number)
            notifier = Notifier(
                dag.store, dag.publish, clock=lambda: BEGIN, sleep=lambda _: threading.Event().wait(0.2)
            )
            try:
                dag.keep([BAD, SMALL], f"run-{number}", until)
                notifier.deliver(dag.job([BAD, SMALL], f"run-{number}", until))
            except MigrationError as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(said(dag.sent)) == [("page", "CRITICAL"), ("warn", "WARNING")]
        assert [one for one in errors if not isinstance(one, NotifierBusyError)] == []
        latest = dag.store.load("x", BEGIN + PERIOD).latest
        assert latest is not None
        assert latest["runId"] == "run-3"

    def test_while_another_notifies_one_waits_and_then_tries_again(self, dag: Dag) -> None:
        dag.store.save_notified(dag.store.notified()[0].leased("other", dag.now, LEASE), None)
        with pytest.raises(NotifierBusyError) as raised:
            dag.deliver([BAD], "run", BEGIN)
        assert raised.value.retryable
        assert dag.sent == []
        assert dag.slept

    def test_a_run_that_died_while_notifying_holds_up_nobody_for_long(self, dag: Dag) -> None:
        dag.store.save_notified(dag.store.notified()[0].leased("dead", dag.now, LEASE), None)
        dag.now += LEASE
        assert said(dag.again([BAD], "run", BEGIN)) == [("page", "CRITICAL")]

    def test_its_own_repetition_goes_on_at_once(self, dag: Dag) -> None:
        dag.store.save_notified(dag.store.notified()[0].leased("run", dag.now, LEASE), None)
        assert said(dag.again([BAD], "run", BEGIN)) == [("page", "CRITICAL")]

    def test_what_another_wrote_meanwhile_stays(self, dag: Dag) -> None:
        def publish(message: Message) -> None:
            dag.publish(message)
            notices, etag = dag.store.notified()
            dag.store.save_notified(replace(notices, until=BEGIN), etag)

        Notifier(dag.store, publish, clock=lambda: BEGIN).deliver(dag.job([BAD], "run", BEGIN))
        assert dag.run([BAD]) == []


class TestUpToWhenPeopleKnow:
    def until(self, dag: Dag) -> Any:
        return dag.store.notified()[0].until

    def test_a_run_that_notified_of_all_moves_it(self, dag: Dag) -> None:
        dag.run([BAD])
        assert self.until(dag) == dag.now

    def test_a_message_that_was_not_sent_leaves_it(self, dag: Dag) -> None:
        dag.run([BAD])
        before = dag.now
        dag.broken.add(WARN)
        dag.run([BAD, SMALL])
        assert self.until(dag) == before

    def test_a_window_that_a_person_made_short_leaves_the_rest_to_the_next(self, dag: Dag) -> None:
        dag.run([BAD])
        before, later = dag.now, dag.now + 5 * PERIOD
        short = Window(later - timedelta(minutes=5), later, missed=before, asked=True)
        job = replace(dag.job([BAD], "by hand", later), window=short)
        Notifier(dag.store, dag.publish, clock=lambda: later).deliver(job)
        assert self.until(dag) == before
