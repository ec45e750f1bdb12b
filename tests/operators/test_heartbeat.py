"""The dead man's switch: a health check that judged and notified is heard by CloudWatch; silence raises the alarm."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.cloudformation.sandbox_deploy import deploy
from include.local import airflow_env, resources
from include.sandbox.moto.alarm_states import ALARM, OK, state_of
from include.sandbox.sandbox import Sandbox
from migration_ops.core.errors import MigrationError
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.operators.runbook.heartbeat import WATCHED
from migration_ops.operators.runbook.notify import NotifyOperator

ROOT = Path(__file__).resolve().parents[2]
DAG_ID, NAME = "runbook_health_check", "migration-runbook-heartbeat"
HOUR = timedelta(hours=1)


def stack_of(box: Sandbox) -> dict[str, str]:
    """The stack, with its alarm."""
    made = resources.make(box.environment)
    deploy(box.boto("cloudformation"), stack_name=resources.STACK_NAME, client_for=box.boto, with_alarm=True)
    return made


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        made = stack_of(sandbox)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made})
        yield sandbox
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def fresh(box: Sandbox) -> Iterator[None]:
    yield
    box.reset()
    stack_of(box)


def notify(due: datetime, findings: list[Finding] | None, dag_id: str = DAG_ID, **params: Any) -> Any:
    """The task that notifies people, in a run that was due then."""
    documents = None if findings is None else [one.as_document() for one in findings]
    values = {"findings": documents, "answered": [one.check_id for one in findings or ()]}
    values |= {"partial": [], "return_value": {}}
    ti = SimpleNamespace(
        dag_id=dag_id,
        run_id=f"scheduled__{due.isoformat()}",
        task_id="notify",
        xcom_pull=lambda task_ids, key="return_value": values[key],
    )
    given = {"windowHours": 2, "notify": True, "awsConnId": "aws_default", "region": None} | params
    context: Any = {"ti": ti, "params": given, "dag_run": SimpleNamespace(conf={}, run_after=due)}
    return NotifyOperator(task_id="notify", title="Health check").execute(context)


def found(verdict: FindingStatus = FindingStatus.OK) -> Finding:
    return Finding("depth", "queue", verdict, reason="-")


def alarm_at(box: Sandbox, now: datetime) -> str:
    cloudwatch = box.boto("cloudwatch")
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[NAME])["MetricAlarms"]
    return state_of(cloudwatch, alarm, now)


NOW = datetime.now(UTC).replace(minute=50, second=0, microsecond=0)


def test_while_it_runs_every_two_hours_there_is_no_alarm_and_soon_after_it_stops_there_is(box: Sandbox) -> None:
    for hours in (13, 11, 9, 7):
        notify(NOW - hours * HOUR, [found()])
    assert alarm_at(box, NOW - 6 * HOUR) == OK
    assert alarm_at(box, NOW - 2 * HOUR) == OK
    assert alarm_at(box, NOW) == ALARM
    notify(NOW - HOUR, [found()])
    assert alarm_at(box, NOW) == OK


def test_the_alarm_pages_on_call_and_tells_when_it_is_over(box: Sandbox) -> None:
    [alarm] = box.boto("cloudwatch").describe_alarms(AlarmNames=[NAME])["MetricAlarms"]
    for actions in (alarm["AlarmActions"], alarm["OKActions"]):
        assert [one.rsplit(":", 1)[-1] for one in actions] == ["migration-on-call"]
    assert {one["Value"] for one in alarm["Dimensions"]} == WATCHED


def test_a_red_run_is_alive(box: Sandbox) -> None:
    notify(NOW - HOUR, [found(FindingStatus.CRITICAL), found(FindingStatus.UNKNOWN)])
    assert alarm_at(box, NOW) == OK


def test_a_run_that_judged_nothing_is_not(box: Sandbox) -> None:
    notify(NOW - HOUR, [found(FindingStatus.UNKNOWN)])
    assert alarm_at(box, NOW) == ALARM


@pytest.mark.parametrize(("findings", "params"), [(None, {}), ([found()], {"notify": False})])
def test_one_that_notified_nobody_is_not(box: Sandbox, findings: Any, params: Any) -> None:
    with pytest.raises((AirflowFailException, AirflowSkipException)):
        notify(NOW - HOUR, findings, **params)
    assert alarm_at(box, NOW) == ALARM


def test_one_whose_message_was_refused_is_not(box: Sandbox) -> None:
    box.faults.add_document({"kind": "accessDenied", "service": "sns", "operation": "Publish"})
    with pytest.raises(MigrationError):
        notify(NOW - HOUR, [found(FindingStatus.CRITICAL)])
    assert alarm_at(box, NOW) == ALARM


def test_an_old_run_that_is_cleared_says_nothing_about_today(box: Sandbox) -> None:
    notify(NOW - 30 * HOUR, [found()])
    assert alarm_at(box, NOW) == ALARM


def test_another_dag_does_not_stand_in_for_it(box: Sandbox) -> None:
    notify(NOW - HOUR, [found()], dag_id="runbook_backup")
    assert alarm_at(box, NOW) == ALARM


def test_a_metric_that_is_refused_fails_no_run(box: Sandbox) -> None:
    box.faults.add_document({"kind": "accessDenied", "service": "monitoring", "operation": "PutMetricData"})
    assert notify(NOW - HOUR, [found()]) == {"messages": [], "silent": ""}
    assert alarm_at(box, NOW) == ALARM


def test_its_right_is_in_the_policy() -> None:
    statements = json.loads((ROOT / "include" / "iam" / "runbook.json").read_text(encoding="utf-8"))["Statement"]
    [one] = [each for each in statements if "cloudwatch:PutMetricData" in each["Action"]]
    assert one["Condition"] == {"StringEquals": {"cloudwatch:namespace": "MigrationOrchestration"}}
