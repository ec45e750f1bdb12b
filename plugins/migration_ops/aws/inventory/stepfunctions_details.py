"""One Step Functions execution as evidence: cause, error and last events, without input and output."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.redaction import redacted_text

LAST_EVENTS = 5


def details(reader: AwsReader, execution: dict[str, Any]) -> dict[str, Any]:
    """What a person needs to start with. A part that cannot be read is a failure document in its place.

    :param execution: an entry of ListExecutions.
    """
    arn = execution["executionArn"]
    return {
        "name": execution["name"],
        "arn": arn,
        "status": execution["status"],
        "began": execution["startDate"],
        "ended": execution.get("stopDate"),
        "why": reader.guarded("stepfunctions:describe_execution", lambda: _why(reader, arn)),
        "lastEvents": reader.guarded("stepfunctions:get_execution_history", lambda: _last_events(reader, arn)),
    }


def _why(reader: AwsReader, arn: str) -> dict[str, Any]:
    """Status, error and cause; both are redacted, and absent while it runs or when a person stopped it."""
    answer = reader.client("stepfunctions").describe_execution(executionArn=arn)
    said = {name: redacted_text(answer[name]) for name in ("error", "cause") if answer.get(name)}
    # An answer without a status is malformed, so this must raise.
    return {"status": answer["status"], **said}


def _last_events(reader: AwsReader, arn: str) -> list[dict[str, Any]]:
    """Newest first: five events of a history that may have 25,000."""
    answer = reader.client("stepfunctions").get_execution_history(
        executionArn=arn, reverseOrder=True, maxResults=LAST_EVENTS, includeExecutionData=False
    )
    return [_event(one) for one in answer["events"]]


def _event(event: dict[str, Any]) -> dict[str, Any]:
    """Time, type, and the state's name or the error where the event has one."""
    found: dict[str, Any] = {"at": event["timestamp"], "type": event["type"]}
    for value in event.values():
        if isinstance(value, dict):
            found |= {key: redacted_text(value[key]) for key in ("name", "error") if value.get(key)}
    return found
