"""Time-outs and retries of state machines, and what expires from the ledger: judged over what the readers answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration_ops.aws.inventory import stepfunctions_definitions
from migration_ops.core.facts import Snapshot, is_failed
from migration_ops.core.finding import FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check

UNKNOWN, WARNING, OK = FindingStatus.UNKNOWN, FindingStatus.WARNING, FindingStatus.OK
PATIENT = {"ErrorEquals": ["States.ALL"], "JitterStrategy": "FULL"}


class OneMachine:
    """As much of a reader as the module asks for."""

    def __init__(self, definition: str) -> None:
        self.definition = definition

    def call_optional(self, service: str, operation: str, absent: Any, **request: Any) -> dict[str, Any]:
        return {"definition": self.definition}


def machine(definition: Any) -> dict[str, Any]:
    text = definition if isinstance(definition, str) else json.dumps(definition)
    return stepfunctions_definitions._machine(OneMachine(text), "wave", "arn")  # type: ignore[arg-type]


def with_task(task: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": "Work", "States": {"Work": {"Type": "Task", "Resource": "arn", **task}}, **more}


def verdict(check_id: str, reader: str, member: str, thing: dict[str, Any]) -> FindingStatus:
    (found,) = Check("performance", check_id).run(Snapshot({reader: {member: [thing]}}), Thresholds())
    return found.verdict


@pytest.mark.parametrize(
    ("task", "more", "expected"),
    [
        ({}, {}, WARNING),
        ({"TimeoutSeconds": 60}, {}, OK),
        ({"TimeoutSecondsPath": "$.limit"}, {}, OK),
        ({}, {"TimeoutSeconds": 3600}, OK),
        ({"HeartbeatSeconds": 60}, {}, WARNING),
    ],
)
def test_a_task_ends_some_day(task: dict[str, Any], more: dict[str, Any], expected: FindingStatus) -> None:
    read = machine(with_task(task, **more))
    assert verdict("states_task_timeouts", "state_definitions", "stateMachines", read) is expected


@pytest.mark.parametrize(
    ("retry", "expected"),
    [
        (None, WARNING),
        ([], WARNING),
        ([PATIENT], OK),
        ([PATIENT | {"BackoffRate": 1.0}], WARNING),
        ([PATIENT | {"JitterStrategy": "NONE"}], WARNING),
        ([{"ErrorEquals": ["States.ALL"]}], WARNING),
        ([PATIENT, {"ErrorEquals": ["States.Timeout"]}], WARNING),
    ],
)
def test_a_task_is_tried_again_with_patience(retry: Any, expected: FindingStatus) -> None:
    read = machine(with_task({} if retry is None else {"Retry": retry}))
    assert verdict("states_task_retries", "state_definitions", "stateMachines", read) is expected


def test_tasks_are_found_wherever_they_are_and_nothing_else_of_a_definition_is_kept() -> None:
    secret = {"Type": "Pass", "Result": {"password": "hunter2"}, "End": True}
    inner = with_task({"Parameters": {"password": "hunter2"}})
    many = {"Type": "Map", "Iterator": inner, "End": True}
    both = {"Type": "Parallel", "Branches": [inner, {"StartAt": "Many", "States": {"Many": many}}], "End": True}
    read = machine({"StartAt": "Both", "States": {"Both": both, "Secret": secret}})
    assert [one["name"] for one in read["tasks"]] == ["Work", "Work"]
    assert "hunter2" not in json.dumps(read)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"States": {"A": {}}}'])
def test_a_definition_that_cannot_be_read_is_unknown(text: str) -> None:
    read = machine(text)
    assert is_failed(read["tasks"])
    for check_id in ("states_task_timeouts", "states_task_retries"):
        assert verdict(check_id, "state_definitions", "stateMachines", read) is UNKNOWN


@pytest.mark.parametrize(
    ("status", "attribute", "expected"),
    [
        ("ENABLED", "expiresAt", OK),
        ("ENABLING", "expiresAt", OK),
        ("ENABLED", "ttl", FindingStatus.CRITICAL),
        ("DISABLED", None, WARNING),
        ("DISABLING", "expiresAt", WARNING),
        ("ENABLED", None, UNKNOWN),
        (None, "expiresAt", UNKNOWN),
    ],
)
def test_only_what_the_archive_marked_expires(status: Any, attribute: Any, expected: FindingStatus) -> None:
    table = {"name": "migration-state", "status": status, "attribute": attribute}
    assert verdict("dynamodb_ledger_expiry", "ledger_expiry", "tables", table) is expected
