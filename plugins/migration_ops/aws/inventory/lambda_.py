"""Lambda: functions, listed once in a read, and where their failed calls go."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed

GONE = ("ResourceNotFoundException",)
LOG_PREFIX = "/aws/lambda/"
LATEST = "$LATEST"


def functions(reader: AwsReader) -> Any:
    """All functions as ListFunctions returns them; or the document of the failure."""
    return reader.once("lambda:list_functions", lambda: reader.pages("lambda", "list_functions", "Functions"))


def versions(reader: AwsReader, name: str) -> Any:
    """The published versions of a function, each with the configuration that it keeps.

    None for a function that was deleted since it was listed; the document of a failure.
    """
    found = reader.pages_or_none("lambda", "list_versions_by_function", "Versions", GONE, FunctionName=name)
    return found if found is None or is_failed(found) else [one for one in found if one["Version"] != LATEST]


def failure_destinations(reader: AwsReader, name: str) -> Any:
    """ARNs to which failed asynchronous calls of a function (or of its versions and aliases) go.

    None for a function that was deleted since it was listed; the document of a failure.
    """
    operation = "list_function_event_invoke_configs"
    found = reader.pages_or_none("lambda", operation, "FunctionEventInvokeConfigs", GONE, FunctionName=name)
    if found is None or is_failed(found):
        return found
    targets = (one.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination") for one in found)
    return [one for one in targets if one]


def log_group_of(function: dict[str, Any]) -> str:
    """The log group that a listed function writes to: the configured one, or Lambda's default."""
    return str(function.get("LoggingConfig", {}).get("LogGroup") or LOG_PREFIX + function["FunctionName"])
