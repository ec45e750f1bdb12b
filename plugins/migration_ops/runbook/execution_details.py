"""One Step Functions execution as evidence: cause, error and last events, without input and output."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.redaction import redacted_text

LAST_EVENTS = 5


def details(reader: Reader, execution: dict[str, Any]) -> dict[str, Any]:
    """What a person needs to begin with. What cannot be read of it stays visible as such, and hides no execution.

    :param execution: an entry of ListExecutions.
    """
    arn = execution["executionArn"]
    return {
        "name": execution["name"],
        "arn": arn,
        "status": execution["status"],
        "began": execution["startDate"],
        "ended": execution.get("stopDate"),
        "why": reader.attempt("stepfunctions:describe_execution", lambda: _why(reader, arn)),
        "lastEvents": reader.attempt("stepfunctions:get_execution_history", lambda: _last_events(reader, arn)),
    }


def _why(reader: Reader, arn: str) -> dict[str, Any]:
    """Error and cause quote what the work said: redacted. Absent while it runs, or when a person stopped it."""
    answer = reader.of("stepfunctions").describe_execution(executionArn=arn)
    said = {name: redacted_text(answer[name]) for name in ("error", "cause") if answer.get(name)}
    # Its status of now: an answer without one is none.
    return {"status": answer["status"], **said}


def _last_events(reader: Reader, arn: str) -> list[dict[str, Any]]:
    """Newest first: five events of a history that may have 25,000."""
    answer = reader.of("stepfunctions").get_execution_history(
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
