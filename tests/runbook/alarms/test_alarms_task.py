"""The task of one kind of alarm, as its DAG runs it: dry unless asked, red when an alarm that pages cannot ring."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.local import airflow_env
from include.sandbox.estates import wide_config
from include.sandbox.estates.account import Account
from include.sandbox.sandbox import Sandbox
from migration_ops.core.finding import FindingStatus
from migration_ops.operators.runbook.alarms import AlarmsOperator
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.sources import MappedTask
from migration_ops.runbook.alarms.findings import ALARMS, finding_kind
from migration_ops.runbook.alarms.wanted import KINDS
from tests.runbook.alarms.conftest import alarms

Values = dict[tuple[str, int, str], Any]


class Task(SimpleNamespace):
    """What the operators ask of a task instance."""

    task_id: str
    map_index: int
    values: Values
    dag_id = "runbook_alarms"
    run_id = "run-1"

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[self.task_id, self.map_index, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))


@pytest.fixture(autouse=True)
def connected(monkeypatch: pytest.MonkeyPatch, box: Sandbox, account: Account, tmp_path: Path) -> None:
    for name, value in {**airflow_env.connections(box.environment), **account.settings}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MIGRATION_OPS_CONFIG_DIRECTORY", str(wide_config.write(tmp_path)))


def context(task: Task, *, dry_run: bool) -> Any:
    params = {"windowHours": 24, "notify": False, "awsConnId": "aws_default", "region": None, "dryRun": dry_run}
    return {"ti": task, "params": params}


def run_all(values: Values, *, dry_run: bool) -> dict[str, Any]:
    answers: dict[str, Any] = {}
    for number, kind in enumerate(KINDS):
        task = Task(task_id="alarms", map_index=number, values=values)
        try:
            answers[kind] = AlarmsOperator(task_id="alarms", kind=kind).execute(context(task, dry_run=dry_run))
        except AirflowFailException as error:
            answers[kind] = error
    return answers


def report(values: Values) -> dict[str, Any]:
    source = MappedTask("alarms", kind_of=finding_kind, whole=ALARMS, names=KINDS)
    operator = RunbookReportOperator(task_id="report", title="Alarms", sources=[source])
    answer: dict[str, Any] = operator.execute(
        context(Task(task_id="report", map_index=-1, values=values), dry_run=True)
    )
    return answer


def test_first_it_shows_then_it_puts_right_then_it_rests(account: Account) -> None:
    values: Values = {}
    shown = run_all(values, dry_run=True)
    # An installation without any alarm says so in one line a kind, and is not red.
    assert {kind for kind, answer in shown.items() if isinstance(answer, AirflowFailException)} == set()
    assert {shown[kind]["verdict"] for kind in ("dead_letters", "function_error_rate")} == {"WARNING"}
    assert alarms(account) == {}
    assert report(values)["verdict"] == "WARNING"

    made = run_all(values, dry_run=False)
    assert {answer["verdict"] for answer in made.values()} == {"OK"}
    written = report(values)
    assert written["verdict"] == "OK"
    assert written["markdown"].count("### What this run did") == 1
    topic = f"arn:aws:sns:us-east-1:{account.client('sts').get_caller_identity()['Account']}:migration-on-call"
    assert alarms(account)["migration-ops/dead_letters/jobs-dlq"]["AlarmActions"] == [topic]

    again = run_all(values, dry_run=False)
    assert {answer["done"] for answer in again.values()} == {0}

    account.client("cloudwatch").delete_alarms(AlarmNames=["migration-ops/dead_letters/jobs-dlq"])
    missing = run_all(values, dry_run=True)
    assert {kind for kind, answer in missing.items() if isinstance(answer, AirflowFailException)} == {"dead_letters"}


def test_a_lost_task_is_unknown(account: Account) -> None:
    values: Values = {}
    run_all(values, dry_run=False)
    del values["alarms", 2, "findings"]
    written = report(values)
    assert written["counts"]["UNKNOWN"] == 1
    assert f"alarm_{KINDS[2]}" in written["markdown"]


def test_without_knowing_the_account_nothing_is_done(account: Account, box: Sandbox) -> None:
    box.faults.add_document({"kind": "accessDenied", "service": "sts", "operation": "GetCallerIdentity"})
    values: Values = {}
    answers = run_all(values, dry_run=False)
    assert all(isinstance(answer, AirflowFailException) for answer in answers.values())
    left = [one for key, found in values.items() if key[2] == "findings" for one in found]
    assert {one["verdict"] for one in left} == {FindingStatus.UNKNOWN.value}
    assert alarms(account) == {}
