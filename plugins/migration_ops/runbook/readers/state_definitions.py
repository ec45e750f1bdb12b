"""Definitions of state machines, as far as they say how long a task may take and how it is tried again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import NONE_EXPECTED, failed, is_failed

OPERATION = "stepfunctions:describe_state_machine"


def read(reader: Reader) -> dict[str, Any]:
    """
    ``stateMachines``: ``name``, ``hasTimeout`` (of whole executions) and ``tasks`` (``name, hasTimeout, hasRetry,
    hasBackoff, hasJitter``), those inside Parallel and Map too. Nothing else of a definition goes further.
    """
    names = reader.config.resources.state_machines
    if names.are_none:
        return {"stateMachines": [], NONE_EXPECTED: True}
    listed = reader.pages("stepfunctions", "list_state_machines", "stateMachines")
    if is_failed(listed):
        return {"stateMachines": listed}
    ours = [one for one in listed if names.takes(one["name"])]
    return {"stateMachines": reader.each(ours, lambda one: _machine(reader, one["name"], one["stateMachineArn"]))}


def _machine(reader: Reader, name: str, arn: str) -> dict[str, Any]:
    answer = reader.call("stepfunctions", "describe_state_machine", stateMachineArn=arn)
    if is_failed(answer):
        return {"name": name, "hasTimeout": answer, "tasks": answer}
    try:
        definition = json.loads(answer["definition"])
        return {"name": name, "hasTimeout": "TimeoutSeconds" in definition, "tasks": list(_tasks(definition))}
    except (AttributeError, KeyError, TypeError, ValueError):
        # Encrypted with a key of the customer that cannot be used, it comes back empty.
        lost = failed(OPERATION, Unknown("the definition cannot be read"))
        return {"name": name, "hasTimeout": lost, "tasks": lost}


def _tasks(definition: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield {"name": name, **_how(state)}
        inner = [*state.get("Branches", ()), state.get("ItemProcessor") or state.get("Iterator")]
        for one in filter(None, inner):
            yield from _tasks(one)


def _how(state: Mapping[str, Any]) -> dict[str, Any]:
    """Without a rate, Step Functions doubles the interval; without a strategy, it adds no jitter (states language)."""
    retriers = state.get("Retry") or []
    return {
        "hasTimeout": bool({"TimeoutSeconds", "TimeoutSecondsPath"} & set(state)),
        "hasRetry": bool(retriers),
        "hasBackoff": all(float(one.get("BackoffRate", 2.0)) > 1 for one in retriers),
        "hasJitter": all(one.get("JitterStrategy") == "FULL" for one in retriers),
    }
