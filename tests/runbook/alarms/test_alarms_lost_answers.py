"""CloudWatch's answers that are lost, and a worker that dies among its alarms: in the end all is as wanted."""

from __future__ import annotations

from typing import Any

import pytest

from include.local import airflow_env
from include.sandbox.estates.account import Account
from include.sandbox.sandbox import Sandbox
from migration_ops.core.finding import FindingStatus
from migration_ops.core.states import Phase
from migration_ops.operators.runbook.alarms import AlarmsOperator
from migration_ops.runbook.alarms.apply import AlarmChange
from migration_ops.runbook.alarms.wanted import KINDS, LEFTOVER
from tests.runbook.alarms.conftest import SERVER, Look, alarms, goes_on
from tests.runbook.alarms.test_alarms_task import Task, context

REAL_KINDS = [one for one in KINDS if one != LEFTOVER]
LOST = ["dropAfter", "dropBefore", "error500After"]


class Killed(BaseException):
    """The worker dies here: no handler of ours may run."""


def wanted(look: Look, kind: str) -> set[str]:
    return {row[0] for one in look(kind).tables if one["title"] == "Wanted alarms" for row in one["rows"]}


@pytest.mark.parametrize("kind", REAL_KINDS)
def test_a_lost_answer_leaves_each_alarm_as_wanted(look: Look, account: Account, box: Sandbox, kind: str) -> None:
    names = wanted(look, kind)
    box.client.add_fault("dropAfter", service="monitoring", operation="PutMetricAlarm", times=1)
    look(kind, dry_run=False)
    assert set(alarms(account)) == names
    again = look(kind, dry_run=False)
    assert {one.verdict for one in again.findings} == {FindingStatus.OK}


def test_when_every_answer_is_lost_reading_back_tells(look: Look, account: Account, box: Sandbox) -> None:
    box.client.add_fault("dropAfter", service="monitoring", operation="PutMetricAlarm")
    looked = look("replication_lag", dry_run=False)
    assert {one.verdict for one in looked.findings} == {FindingStatus.OK}
    assert [(one.action, one.error) for one in looked.done] == [("made", None)]
    assert set(alarms(account)) == wanted(look, "replication_lag")


def test_when_every_call_is_lost_before_it_arrives_it_is_red(look: Look, account: Account, box: Sandbox) -> None:
    box.client.add_fault("dropBefore", service="monitoring", operation="PutMetricAlarm")
    looked = look("replication_lag", dry_run=False)
    assert {one.verdict for one in looked.findings} == {FindingStatus.CRITICAL}
    assert [(one.action, one.error is None) for one in looked.done] == [("not made", False)]
    assert alarms(account) == {}


def test_what_cannot_be_read_back_is_unknown(
    look: Look, account: Account, box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send_and_go_dark(self: AlarmChange, actions: Any) -> None:
        put(self, actions)
        box.faults.add_document({"kind": "accessDenied", "service": "monitoring", "operation": "DescribeAlarms"})

    put = AlarmChange.send
    monkeypatch.setattr(AlarmChange, "send", send_and_go_dark)
    looked = look("replication_lag", dry_run=False)
    assert [one.verdict for one in looked.findings] == [FindingStatus.UNKNOWN]
    assert "read back" in looked.findings[0].reason


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_of_a_deletion_deletes_the_orphan_and_only_it(
    look: Look, account: Account, box: Sandbox, kind: str
) -> None:
    look("replication_lag", dry_run=False)
    look("dead_letters", dry_run=False)
    kept = wanted(look, "dead_letters")
    goes_on(account, SERVER, Phase.FAILED)
    box.client.add_fault(kind, service="monitoring", operation="DeleteAlarms", times=1)
    look("replication_lag", dry_run=False)
    look("replication_lag", dry_run=False)
    assert set(alarms(account)) == kept


@pytest.mark.parametrize("kind", REAL_KINDS)
def test_killed_among_its_alarms_the_next_look_makes_what_is_missing(
    look: Look, account: Account, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    def put_and_die(self: AlarmChange, actions: Any) -> None:
        put(self, actions)
        raise Killed

    names, put = wanted(look, kind), AlarmChange.send
    with monkeypatch.context() as patch:
        patch.setattr(AlarmChange, "send", put_and_die)
        with pytest.raises(Killed):
            look(kind, dry_run=False)
    assert set(alarms(account)) <= names
    after = look(kind, dry_run=False)
    assert {one.verdict for one in after.findings} == {FindingStatus.OK}
    assert set(alarms(account)) == names


def test_the_task_that_was_killed_and_cleared_ends_green(
    box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**airflow_env.connections(box.environment), **account.settings}.items():
        monkeypatch.setenv(name, value)
    given = context(Task(task_id="alarms", map_index=0, values={}), dry_run=False)
    with monkeypatch.context() as patch:
        patch.setattr("migration_ops.operators.runbook.alarms.look_at", _die)
        with pytest.raises(Killed):
            AlarmsOperator(task_id="alarms", kind="table_throttles").execute(given)
    assert AlarmsOperator(task_id="alarms", kind="table_throttles").execute(given)["verdict"] == "OK"
    assert AlarmsOperator(task_id="alarms", kind="table_throttles").execute(given)["done"] == 0


def _die(*arguments: Any, **named: Any) -> None:
    from migration_ops.runbook.alarms.reconcile import look_at

    look_at(*arguments, **named)
    raise Killed
