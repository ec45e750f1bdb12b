"""Sensors: the common arguments, every state, and both ways to wait."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.serialization.serialized_objects import DagSerialization

from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.errors import InvalidInput, StepFailed, StepTimedOut
from migration_ops.operators.sensors import MgnJobSensor, MgnReplicationSensor
from migration_ops.operators.triggers import WatchTrigger
from tests.aws.scripted_aws import ScriptedAws, job_id, server_id, source_server

ONE = server_id(1)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, hook: MgnHook) -> None:
    """All sensors of the test use the session's hook."""
    for sensor in (MgnReplicationSensor, MgnJobSensor):
        monkeypatch.setattr(sensor, "hook", hook)


class TaskInstance:
    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


@pytest.fixture
def context() -> dict[str, Any]:
    return {"ti": TaskInstance()}


def replication(**changes: Any) -> MgnReplicationSensor:
    return MgnReplicationSensor(
        **{
            "task_id": "wait",
            "source_server_ids": [ONE],
            "samples": 1,
            "aws_conn_id": None,
            "region_name": "us-east-1",
            "poke_interval": 0.05,
            **changes,
        }
    )


def jobs(**changes: Any) -> MgnJobSensor:
    return MgnJobSensor(
        **{"task_id": "wait", "job_ids": [job_id(1)], "aws_conn_id": None, "region_name": "us-east-1", **changes}
    )


def state(name: str, lag: str | None = "P0D") -> dict[str, Any]:
    server = source_server(ONE)
    server["dataReplicationInfo"] |= {"dataReplicationState": name, "lagDuration": lag}
    return server


@pytest.mark.parametrize("sensor", [replication, jobs])
def test_the_common_arguments_reach_the_hook(sensor: Any) -> None:
    made = sensor(aws_conn_id="c", region_name="eu-west-1", verify=False, botocore_config={"read_timeout": 42})
    assert isinstance(made.hook, MgnHook)
    assert made.hook.aws_conn_id == "c"
    assert made.hook._region_name == "eu-west-1"
    assert made.hook._verify is False
    assert made.hook._config.read_timeout == 42
    assert {"aws_conn_id", "region_name", "verify"} < set(made.template_fields)


@pytest.mark.parametrize("name", MgnReplicationSensor.SUCCESS_STATES)
def test_success_states(aws: ScriptedAws, quick: None, context: Any, name: str) -> None:
    aws.servers[ONE] = state(name)
    assert replication().poke(context) is True


@pytest.mark.parametrize("name", MgnReplicationSensor.INTERMEDIATE_STATES)
def test_intermediate_states(aws: ScriptedAws, quick: None, context: Any, name: str) -> None:
    aws.servers[ONE] = state(name)
    assert replication().poke(context) is False


@pytest.mark.parametrize("name", MgnReplicationSensor.FAILURE_STATES)
def test_failure_states(aws: ScriptedAws, quick: None, context: Any, name: str) -> None:
    aws.servers[ONE] = state(name)
    with pytest.raises(StepFailed, match=name):
        replication().poke(context)


@pytest.mark.parametrize("lag", ["PT10M1S", None, "", "soon"])
def test_a_lag_that_is_too_high_or_unknown_is_waited_for(
    aws: ScriptedAws, quick: None, context: Any, lag: str | None
) -> None:
    aws.servers[ONE] = state("CONTINUOUS", lag)
    assert replication().poke(context) is False


def test_samples_are_counted_in_a_row(aws: ScriptedAws, quick: None, context: Any) -> None:
    sensor = replication(samples=2)
    aws.servers[ONE] = state("CONTINUOUS")
    assert sensor.poke(context) is False
    aws.servers[ONE] = state("RESCAN")
    assert sensor.poke(context) is False
    aws.servers[ONE] = state("CONTINUOUS")
    assert [sensor.poke(context), sensor.poke(context)] == [False, True]


def test_reschedule_mode_cannot_count_samples() -> None:
    with pytest.raises(InvalidInput):
        replication(samples=2, mode="reschedule")
    assert replication(samples=1, mode="reschedule").reschedule


@pytest.mark.parametrize(
    ("status", "is_over"), [("PENDING", False), ("STARTED", False), ("COMPLETED", True), ("NEW", False)]
)
def test_jobs_by_status(aws: ScriptedAws, quick: None, context: Any, status: str, is_over: bool) -> None:
    aws.jobs[job_id(1)] = {"jobID": job_id(1), "status": status}
    assert jobs().poke(context) is is_over
    assert (status in MgnJobSensor.SUCCESS_STATES) is is_over


def test_poke_mode_returns_what_was_seen_and_leaves_the_link(aws: ScriptedAws, quick: None, context: Any) -> None:
    aws.jobs[job_id(1)] = {
        "jobID": job_id(1),
        "status": "COMPLETED",
        "participatingServers": [{"sourceServerID": ONE, "launchStatus": "FAILED"}],
    }
    result = jobs().execute(context)
    assert result[job_id(1)]["view"]["launch_status"] == {ONE: "FAILED"}
    assert context["ti"].pushed["_mgn_job"]["job_id"] == job_id(1)


def test_a_throttled_read_is_no_failure_and_no_good_sign(aws: ScriptedAws, quick: None, context: Any) -> None:
    aws.servers[ONE] = state("CONTINUOUS")
    aws.faults["DescribeSourceServers"] = ["429 ThrottlingException"] * 2
    sensor = replication()
    assert sensor.poke(context) is False
    assert sensor.poke(context) is True


def test_deferrable_defers_only_when_there_is_something_to_wait_for(
    aws: ScriptedAws, quick: None, context: Any
) -> None:
    aws.servers[ONE] = state("CONTINUOUS")
    assert replication(deferrable=True).execute(context)[ONE]["verdict"] == "OK"
    aws.servers[ONE] = state("INITIAL_SYNC", None)
    with pytest.raises(TaskDeferred) as deferred:
        replication(deferrable=True, timeout=600, poke_interval=30).execute(context)
    trigger = deferred.value.trigger
    assert isinstance(trigger, WatchTrigger)
    assert trigger.subjects == [ONE]
    assert trigger.poll_seconds == 30
    assert trigger.first_poll_seconds == 15
    assert 590 < trigger.deadline - time.time() <= 600
    assert deferred.value.method_name == "execute_complete"


SEEN = {ONE: {"verdict": "BLOCKED", "reason": "lag is 900 s", "view": None}}


@pytest.mark.parametrize(("reason", "error"), [("failed", StepFailed), ("timedOut", StepTimedOut)])
def test_an_unsuccessful_event_raises_with_the_reasons(reason: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="lag is 900 s"):
        replication().execute_complete({}, {"reason": reason, "observed": SEEN, "carry": {}})


def test_a_successful_event_returns_what_was_seen() -> None:
    assert replication().execute_complete({}, {"reason": "met", "observed": SEEN, "carry": {}}) == SEEN
    with pytest.raises(StepFailed):
        replication().execute_complete({}, None)


def test_sensors_survive_serialisation() -> None:
    with DAG("sensors", schedule=None) as dag:
        replication(task_id="a", deferrable=True)
        jobs(task_id="b")
    read = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
    assert {task.task_id for task in read.tasks} == {"a", "b"}
    assert [link.name for link in read.get_task("b").operator_extra_links] == ["MGN Job"]
