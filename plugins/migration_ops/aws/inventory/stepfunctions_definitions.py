"""Definitions of state machines: timeouts and retries of their tasks."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from migration_ops.aws.inventory.stepfunctions_audit import GONE
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import NONE_EXPECTED, failed, is_failed
from migration_ops.core.listing import Listing

OPERATION = "stepfunctions:describe_state_machine"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``stateMachines``: ``name``, ``hasTimeout`` (of whole executions) and ``tasks`` (``name, hasTimeout, hasRetry,
    hasBackoff, hasJitter``), also those inside Parallel and Map.
    """
    names = reader.config.resources.state_machines
    if names.is_empty:
        return {"stateMachines": [], NONE_EXPECTED: True}
    listed = reader.pages("stepfunctions", "list_state_machines", "stateMachines")
    if is_failed(listed):
        return {"stateMachines": listed}
    ours = [one for one in listed if names.matches(one["name"])]
    return {
        "stateMachines": reader.map_present(ours, lambda one: _machine(reader, one["name"], one["stateMachineArn"]))
    }


def _machine(reader: AwsReader, name: str, arn: str) -> dict[str, Any] | None:
    answer = reader.call_optional("stepfunctions", "describe_state_machine", GONE, stateMachineArn=arn)
    if answer is None:
        return None
    if is_failed(answer):
        return {"name": name, "hasTimeout": answer, "tasks": answer}
    try:
        definition = json.loads(answer["definition"])
        return {"name": name, "hasTimeout": "TimeoutSeconds" in definition, "tasks": list(_tasks(definition))}
    except (AttributeError, KeyError, TypeError, ValueError):
        # A definition encrypted with a customer managed key is empty in the answer when the key cannot be used.
        lost = failed(OPERATION, UnknownError("the definition cannot be read"))
        return {"name": name, "hasTimeout": lost, "tasks": lost}


def _tasks(definition: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield {"name": name, **_how(state)}
        inner = [*state.get("Branches", ()), state.get("ItemProcessor") or state.get("Iterator")]
        for one in filter(None, inner):
            yield from _tasks(one)


def _how(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without BackoffRate Step Functions doubles the interval; without JitterStrategy there is no jitter."""
    retriers = state.get("Retry") or []
    return {
        "hasTimeout": bool({"TimeoutSeconds", "TimeoutSecondsPath"} & set(state)),
        "hasRetry": bool(retriers),
        "hasBackoff": all(float(one.get("BackoffRate", 2.0)) > 1 for one in retriers),
        "hasJitter": all(one.get("JitterStrategy") == "FULL" for one in retriers),
    }


# The lists that checks are about.
STATE_MACHINES = Listing("state_definitions", "stateMachines", read)
