"""Executions: where paging stops, what EXPRESS leaves, the worst hour, and that no payload travels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.stepfunctions import make_execution, make_state_machine
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.inventory import stepfunctions
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.checks.executions import ended, most_in_an_hour
from tests.runbook.estates import WINDOW, failures, reader_of

FAILED, TIMED_OUT, ABORTED, STUCK = (
    f"stepfunctions_statemachine_{name}_executions" for name in ("failed", "timed_out", "aborted", "stuck")
)
BEFORE_MINUTES = WINDOW / timedelta(minutes=1) + 10
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield Account(make=box.boto, control=box.client)
    box.reset()


def look(box: Sandbox, account: Account, check_id: str) -> tuple[Any, list[Finding]]:
    found = stepfunctions.read(reader_of(box, account))
    travelled = json.loads(json.dumps(found))
    return travelled, Check("health", check_id).run(Snapshot({"stepfunctions": travelled}), Thresholds())


class TestPaging:
    def test_it_stops_at_the_windows_start(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stepfunctions, "PAGE_SIZE", 2)
        machine = make_state_machine(account, "m")
        for number in range(3):
            make_execution(account, machine, f"in-{number}", status="FAILED", ended_minutes_ago=5 + number)
        for number in range(6):
            past = {"started_minutes_ago": 9_000, "ended_minutes_ago": BEFORE_MINUTES + number}
            make_execution(account, machine, f"before-{number}", status="FAILED", **past)
        box.calls.clear()
        found, _ = look(box, account, FAILED)
        assert found["stateMachines"][0]["ended"]["FAILED"]["count"] == 3
        # Two pages of failed ones (the second one holds the first that is too old), one each of the other statuses.
        assert box.client.count("states", "ListExecutions") == 2 + 3

    def test_one_that_began_long_before_the_window_and_failed_in_it_is_found(
        self, box: Sandbox, account: Account
    ) -> None:
        machine = make_state_machine(account, "m")
        make_execution(account, machine, "long", status="TIMED_OUT", started_minutes_ago=9_000, ended_minutes_ago=1)
        _, found = look(box, account, TIMED_OUT)
        assert [(one.resource, one.verdict, one.value) for one in found] == [("m", FindingStatus.WARNING, 1)]

    def test_running_ones_are_read_to_the_end_where_the_oldest_are(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stepfunctions, "PAGE_SIZE", 2)
        machine = make_state_machine(account, "m")
        for number in range(8):
            make_execution(account, machine, f"young-{number}", status="RUNNING", started_minutes_ago=number)
        make_execution(account, machine, "old", status="RUNNING", started_minutes_ago=5_000)
        found, judged = look(box, account, STUCK)
        running = found["stateMachines"][0]["running"]
        assert (running["count"], len(running["oldest"]), running["oldest"][0]["name"]) == (9, 5, "old")
        assert [(one["name"], one["status"]) for one in judged[0].evidence] == [("old", "RUNNING")]
        assert judged[0].verdict is FindingStatus.CRITICAL

    def test_more_running_ones_than_can_be_read_are_unknown(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stepfunctions, "PAGE_SIZE", 1)
        monkeypatch.setattr(stepfunctions, "MAX_PAGES", 2)
        machine = make_state_machine(account, "m")
        for number in range(3):
            make_execution(account, machine, f"young-{number}", status="RUNNING", started_minutes_ago=number)
        found, judged = look(box, account, STUCK)
        assert list(failures(found)) == ["stepfunctions:list_executions RUNNING"]
        assert [one.verdict for one in judged] == [FindingStatus.UNKNOWN]


def test_a_redriven_execution_is_as_old_as_its_redrive(box: Sandbox, account: Account) -> None:
    machine = make_state_machine(account, "m")
    past = {"started_minutes_ago": 9_000, "redrivenMinutesAgo": 3}
    make_execution(account, machine, "redriven", status="RUNNING", **past)
    _, judged = look(box, account, STUCK)
    assert [one.verdict for one in judged] == [FindingStatus.OK]


@pytest.mark.parametrize(("minutes", "verdict"), [(359, FindingStatus.OK), (361, FindingStatus.CRITICAL)])
def test_stuck_begins_beyond_the_limit(box: Sandbox, account: Account, minutes: int, verdict: FindingStatus) -> None:
    machine = make_state_machine(account, "m")
    make_execution(account, machine, "runs", status="RUNNING", started_minutes_ago=minutes)
    _, judged = look(box, account, STUCK)
    assert [one.verdict for one in judged] == [verdict]


class TestExpress:
    def test_its_executions_are_not_asked_for_and_its_metrics_count(self, box: Sandbox, account: Account) -> None:
        arn = make_state_machine(account, "fast", kind="EXPRESS")
        account.metric("AWS/States", "ExecutionsAborted", {"StateMachineArn": arn}, 1)
        box.calls.clear()
        found, judged = look(box, account, ABORTED)
        assert box.client.count("states", "ListExecutions") == 0
        assert list(failures(found)) == []
        assert [(one.resource, one.verdict, one.value) for one in judged] == [("fast", FindingStatus.WARNING, 1)]

    def test_it_cannot_be_stuck(self, box: Sandbox, account: Account) -> None:
        make_state_machine(account, "fast", kind="EXPRESS")
        _, judged = look(box, account, STUCK)
        assert [(one.resource, one.verdict) for one in judged] == [("*", FindingStatus.OK)]


class TestEvidence:
    def test_input_and_output_do_not_travel_and_causes_are_redacted(self, box: Sandbox, account: Account) -> None:
        machine = make_state_machine(account, "m")
        client = account.client("stepfunctions")
        client.start_execution(stateMachineArn=machine, name="with-data", input='{"card": "4111-payload"}')
        arn = machine.replace(":stateMachine:", ":execution:") + ":with-data"
        cause = "CMDB refused: password=hunter2"
        account.control.patch_execution(arn, status="FAILED", endedMinutesAgo=1, error="Refused", cause=cause)
        found, _ = look(box, account, FAILED)
        shown = found["stateMachines"][0]["ended"]["FAILED"]["executions"][0]
        assert shown["why"] == {"status": "FAILED", "error": "Refused", "cause": "CMDB refused: password=[redacted]"}
        types = [one["type"] for one in shown["lastEvents"]]
        assert types == ["ExecutionFailed", "TaskStateEntered", "ExecutionStarted"]
        assert "4111" not in json.dumps(found)
        assert "hunter2" not in json.dumps(found)

    @pytest.mark.parametrize("kind", ["accessDenied", "notJson"])
    @pytest.mark.parametrize("operation", ["DescribeExecution", "GetExecutionHistory"])
    def test_what_cannot_be_read_of_an_execution_hides_it_not(
        self, box: Sandbox, account: Account, operation: str, kind: str
    ) -> None:
        machine = make_state_machine(account, "m")
        make_execution(account, machine, "late", status="TIMED_OUT", ended_minutes_ago=1)
        box.faults.add_document({"kind": kind, "service": "states", "operation": operation})
        found, judged = look(box, account, TIMED_OUT)
        assert len(list(failures(found))) == 1
        assert [one.verdict for one in judged] == [FindingStatus.WARNING]
        assert "notRead" in json.dumps(judged[0].evidence)


@pytest.mark.parametrize("operation", ["ListStateMachines", "ListExecutions", "GetMetricData"])
def test_of_a_proxys_page_instead_of_an_answer_nothing_is_well(box: Sandbox, account: Account, operation: str) -> None:
    make_execution(account, make_state_machine(account, "m"), "runs", status="RUNNING", started_minutes_ago=1)
    fault = box.faults.add_document({"kind": "notJson", "operation": operation})
    found, failed = look(box, account, FAILED)
    box.faults.remove(fault.fault_id)
    assert list(failures(found))
    assert {one.verdict for one in failed} == {FindingStatus.UNKNOWN}


class TestCounting:
    @pytest.mark.parametrize(
        ("minutes", "most"),
        [((), 0), ((0,), 1), ((0, 59), 2), ((0, 60), 1), ((0, 30, 59, 61, 89), 4), ((0, 120, 121, 240), 2)],
    )
    def test_most_in_an_hour_wherever_it_begins(self, minutes: tuple[int, ...], most: int) -> None:
        assert most_in_an_hour([(NOON + timedelta(minutes=one), 1) for one in reversed(minutes)]) == most

    @pytest.mark.parametrize(("listed", "metric", "count"), [(3, 1, 3), (1, 3, 3), (0, 0, 0)])
    def test_the_list_is_eventually_consistent_and_the_metric_late(self, listed: int, metric: int, count: int) -> None:
        at = NOON.isoformat()
        machine = {
            "kind": "STANDARD",
            "metrics": {"FAILED": {"values": [metric] if metric else [], "times": [at] if metric else []}},
            "ended": {"FAILED": {"times": [at] * listed, "executions": []}},
        }
        seen = ended(Snapshot(machine), "FAILED")
        assert (seen.count, seen.most_in_an_hour) == (count, count)

    @pytest.mark.parametrize(("number", "verdict"), [(2, FindingStatus.OK), (3, FindingStatus.WARNING)])
    def test_two_in_an_hour_are_within_the_limit(
        self, box: Sandbox, account: Account, number: int, verdict: FindingStatus
    ) -> None:
        machine = make_state_machine(account, "m")
        for one in range(number):
            make_execution(account, machine, f"failed-{one}", status="FAILED", ended_minutes_ago=5 + one)
        _, judged = look(box, account, FAILED)
        assert [one.verdict for one in judged] == [verdict]
        assert len(judged[0].evidence) == number
