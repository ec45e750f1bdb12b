"""A STANDARD state machine with an execution that ended well and a young one, and an EXPRESS state machine."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import account_id, execution_role
from include.sandbox.estates.clean.logs import make_log_group


def seed(account: Account) -> None:
    machine = make_state_machine(account, "migration-workflow")
    make_execution(account, machine, "well-ended", status="SUCCEEDED", started_minutes_ago=50, ended_minutes_ago=20)
    make_execution(account, machine, "on-its-way", status="RUNNING", started_minutes_ago=15)
    fast = make_state_machine(account, "verify-express", kind="EXPRESS")
    account.metric("AWS/States", "ExecutionsSucceeded", {"StateMachineArn": fast}, 12, 9)
    account.metric("AWS/States", "ExecutionTime", {"StateMachineArn": fast}, 4_100, 3_900)


def make_state_machine(
    account: Account,
    name: str,
    *,
    kind: str = "STANDARD",
    role: str | None = None,
    definition: dict[str, Any] | None = None,
    log_level: str = "ERROR",
    tags: dict[str, str] | None = None,
) -> str:
    """
    A state machine that invokes ``verify-migration``, logs without payloads, and has tags; its ARN.

    :param kind: ``STANDARD`` or ``EXPRESS``.
    :param role: ARN; default one of its own that may invoke that function only.
    :param log_level: ``OFF``, ``ERROR``, ``ALL``.
    """
    region = account.client("stepfunctions").meta.region_name
    function = f"arn:aws:lambda:{region}:{account_id(account)}:function:verify-migration"
    may = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": function}
    request: dict[str, Any] = {
        "name": name,
        "type": kind,
        "roleArn": role or execution_role(account, f"{name}-role", service="states.amazonaws.com", statements=[may]),
        "definition": json.dumps(definition or _definition(function)),
        "tags": [{"key": key, "value": value} for key, value in (tags or {"Application": "migration"}).items()],
    }
    if log_level != "OFF":
        group = make_log_group(account, f"/aws/vendedlogs/states/{name}")
        arn = f"arn:aws:logs:{region}:{account_id(account)}:log-group:{group}:*"
        destinations = [{"cloudWatchLogsLogGroup": {"logGroupArn": arn}}]
        request["loggingConfiguration"] = {
            "level": log_level,
            "includeExecutionData": False,
            "destinations": destinations,
        }
    made: str = account.client("stepfunctions").create_state_machine(**request)["stateMachineArn"]
    return made


def make_execution(
    account: Account,
    machine: str,
    name: str,
    *,
    status: str = "SUCCEEDED",
    started_minutes_ago: float = 30,
    ended_minutes_ago: float | None = None,
    **more: Any,
) -> str:
    """
    An execution with a past; its ARN.

    :param machine: ARN of the state machine.
    :param ended_minutes_ago: of one that is not RUNNING; default now.
    :param more: ``error``, ``cause``, ``states``, ``redrivenMinutesAgo``: see ``sandbox/stepfunctions_executions.py``.
    """
    client = account.client("stepfunctions")
    past: dict[str, Any] = {"status": status, "startedMinutesAgo": started_minutes_ago, **more}
    if status != "RUNNING":
        past["endedMinutesAgo"] = ended_minutes_ago or 0
    arn = machine.replace(":stateMachine:", ":execution:") + f":{name}"
    with contextlib.suppress(client.exceptions.ExecutionAlreadyExists):
        client.start_execution(stateMachineArn=machine, name=name, input='{"migrationId": "mig-clean-1"}')
    account.control.patch_execution(arn, **past)
    if status != "RUNNING":
        took_ms = (started_minutes_ago - past["endedMinutesAgo"]) * 60_000
        account.metric("AWS/States", "ExecutionTime", {"StateMachineArn": machine}, took_ms)
    return arn


def _definition(function: str) -> dict[str, Any]:
    work = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "TimeoutSeconds": 900,
        "Retry": [
            {
                "ErrorEquals": ["Lambda.TooManyRequestsException"],
                "IntervalSeconds": 2,
                "MaxAttempts": 4,
                "JitterStrategy": "FULL",
            }
        ],
        "End": True,
    }
    return {"Comment": "One server of a wave", "StartAt": "Verify", "TimeoutSeconds": 21600, "States": {"Verify": work}}
