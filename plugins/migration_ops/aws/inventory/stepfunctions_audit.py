"""State machines for the audit: secrets in their definitions, and whether executions are logged."""

from __future__ import annotations

import json
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import failed, is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.secrets import in_document

GONE = ("StateMachineDoesNotExist",)


def read(reader: AwsReader) -> dict[str, Any]:
    """``machines``: ``name, arn, logLevel, secrets`` (``name`` = path in the definition, ``kind``)."""
    names = reader.config.resources.state_machines
    if names.is_empty:
        return {"machines": []}
    listed = reader.pages("stepfunctions", "list_state_machines", "stateMachines")
    if is_failed(listed):
        return {"machines": listed}
    ours = [one for one in listed if names.matches(one["name"])]
    return {"machines": reader.map_present(ours, lambda one: _machine(reader, one))}


def _machine(reader: AwsReader, listed: dict[str, Any]) -> dict[str, Any] | None:
    machine = {"name": listed["name"], "arn": listed["stateMachineArn"]}
    arn = listed["stateMachineArn"]
    answer = reader.call_optional("stepfunctions", "describe_state_machine", GONE, stateMachineArn=arn)
    if answer is None:
        return None
    if is_failed(answer):
        return machine | {"logLevel": answer, "secrets": answer}
    return machine | {
        # Without a configuration nothing is logged.
        "logLevel": answer.get("loggingConfiguration", {}).get("level", "OFF"),
        "secrets": _secrets(answer.get("definition")),
    }


def _secrets(definition: Any) -> Any:
    try:
        return in_document(json.loads(definition))
    except (TypeError, ValueError):
        # A definition encrypted with a customer managed key is empty in the answer when the key cannot be used.
        return failed("stepfunctions:describe_state_machine", UnknownError("the definition is not JSON"))


# The lists that checks are about.
MACHINES = Listing("audit_states", "machines", read)
