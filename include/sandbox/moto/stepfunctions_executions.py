"""Step Functions executions as AWS shows them.

moto 5.2.5 has executions that run for ever, lists them by their start, lists EXPRESS ones too, and answers one fixed
history from the year 2020. Here: an execution can be given a past and an end (``PATCH /_sandbox/executions``), lists
follow AWS's order (running ones by start or redrive, ended ones by their stop), EXPRESS is refused, and the history is
the execution's own, with ``reverseOrder``, ``maxResults`` and ``includeExecutionData``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.stepfunctions.exceptions import AWSError, ValidationException
from moto.stepfunctions.models import Execution, StepFunctionBackend, stepfunctions_backends
from moto.stepfunctions.responses import StepFunctionResponse
from moto.stepfunctions.utils import PAGINATION_MODEL
from moto.utilities.paginator import paginate

ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_PAYLOADS = ("input", "output")
# Type of the last event and the name of its details, by status.
_ENDS = {
    "SUCCEEDED": ("ExecutionSucceeded", "executionSucceededEventDetails"),
    "FAILED": ("ExecutionFailed", "executionFailedEventDetails"),
    "TIMED_OUT": ("ExecutionTimedOut", "executionTimedOutEventDetails"),
    "ABORTED": ("ExecutionAborted", "executionAbortedEventDetails"),
}


class StateMachineTypeNotSupported(AWSError):
    """What AWS answers to questions about executions of EXPRESS state machines."""

    TYPE = "StateMachineTypeNotSupported"
    STATUS = 400


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(StepFunctionBackend, "_as_aws", False):
        return
    StepFunctionBackend.list_executions = paginate(pagination_model=PAGINATION_MODEL)(list_executions)
    Execution.get_execution_history = _history
    StepFunctionResponse.list_executions = _answer_list
    StepFunctionResponse.describe_execution = _with_stop_date(StepFunctionResponse.describe_execution)
    StepFunctionResponse.get_execution_history = _answer_history
    StepFunctionBackend._as_aws = True


def adjust(account_id: str, region: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Gives an execution a past: ``executionArn`` and any of ``status``, ``startedMinutesAgo``, ``endedMinutesAgo``,
    ``redrivenMinutesAgo``, ``error``, ``cause``, ``states`` (names of the states it entered).

    :raises ValueError: a member that cannot be set.
    """
    unknown = set(wanted) - {"executionArn", "status", "error", "cause", "states"} - set(_TIMES)
    if unknown or wanted.get("status", "RUNNING") not in (*ENDED, "RUNNING"):
        raise ValueError(f"cannot set {sorted(unknown) or wanted['status']}")
    backend: StepFunctionBackend = stepfunctions_backends[account_id][region]
    execution = backend.describe_execution(wanted["executionArn"])
    for member, attribute in _TIMES.items():
        if member in wanted:
            setattr(execution, attribute, utcnow() - timedelta(minutes=float(wanted[member])))
    for member in ("status", "error", "cause", "states"):
        if member in wanted:
            setattr(execution, member, wanted[member])
    if execution.status in ENDED and execution.stop_date is None:
        execution.stop_date = utcnow()
    return {"executionArn": execution.execution_arn, "status": execution.status}


_TIMES = {
    "startedMinutesAgo": "start_date",
    "endedMinutesAgo": "stop_date",
    "redrivenMinutesAgo": "redrive_date",
}


def list_executions(
    self: StepFunctionBackend, state_machine_arn: str, status_filter: str | None = None
) -> list[Execution]:
    """In AWS's order (API reference of ListExecutions), most recent first."""
    machine = self.describe_state_machine(state_machine_arn)
    _refuse_express(machine)
    found = [one for one in machine.executions if status_filter in (None, one.status)]
    return sorted(found, key=_recency, reverse=True)


def _recency(execution: Execution) -> datetime:
    if execution.status in ENDED and execution.stop_date:
        return execution.stop_date
    return getattr(execution, "redrive_date", None) or execution.start_date


def _refuse_express(machine: Any) -> None:
    if machine.type == "EXPRESS":
        raise StateMachineTypeNotSupported(
            f"This operation is not supported by this type of state machine: {machine.arn}"
        )


def _history(self: Execution, roleArn: str) -> list[dict[str, Any]]:
    """Started, the states it entered a second apart, and how it ended."""
    details = {"input": self.execution_input, "roleArn": roleArn}
    events = [_event(self.start_date, "ExecutionStarted", "executionStartedEventDetails", details)]
    for number, state in enumerate(getattr(self, "states", ("Work",)), start=1):
        at = self.start_date + timedelta(seconds=number)
        entered = {"name": state, "input": self.execution_input}
        events.append(_event(at, "TaskStateEntered", "stateEnteredEventDetails", entered))
    if self.status in _ENDS:
        kind, name = _ENDS[self.status]
        how = {"output": "{}"} if self.status == "SUCCEEDED" else {"error": self.error, "cause": self.cause}
        events.append(_event(self.stop_date or utcnow(), kind, name, {key: one for key, one in how.items() if one}))
    return [one | {"id": number, "previousEventId": number - 1} for number, one in enumerate(events, start=1)]


def _event(at: datetime, kind: str, name: str, details: dict[str, Any]) -> dict[str, Any]:
    return {"timestamp": at, "type": kind, name: details}


def _answer_list(self: StepFunctionResponse) -> ActionResult:
    status = self._get_param("statusFilter")
    if status == "PENDING_REDRIVE":
        raise ValidationException("PENDING_REDRIVE needs a mapRunArn, not a stateMachineArn")
    found, token = self.stepfunction_backend.list_executions(
        self._get_param("stateMachineArn"),
        status_filter=status,
        max_results=self._get_int_param("maxResults"),
        next_token=self._get_param("nextToken"),
    )
    return ActionResult({"executions": [_item(one) for one in found], "nextToken": token})


def _item(execution: Execution) -> dict[str, Any]:
    redriven = getattr(execution, "redrive_date", None)
    item = {
        "executionArn": execution.execution_arn,
        "name": execution.name,
        "startDate": execution.start_date,
        "stateMachineArn": execution.state_machine_arn,
        "status": execution.status,
        "redriveCount": 1 if redriven else 0,
    }
    if redriven:
        item["redriveDate"] = redriven
    return item | ({"stopDate": execution.stop_date} if execution.status in ENDED else {})


def _with_stop_date(original: Callable[..., ActionResult]) -> Callable[[StepFunctionResponse], ActionResult]:
    """moto leaves the stop of a timed-out execution out."""

    def describe_execution(self: StepFunctionResponse) -> ActionResult:
        execution = self.stepfunction_backend.describe_execution(self._get_param("executionArn"))
        _refuse_express(self.stepfunction_backend.describe_state_machine(execution.state_machine_arn))
        answer = original(self)
        if execution.status in ENDED:
            answer.result["stopDate"] = execution.stop_date
        return answer

    return describe_execution


def _answer_history(self: StepFunctionResponse) -> ActionResult:
    events = self.stepfunction_backend.get_execution_history(self._get_param("executionArn"))["events"]
    if self._get_param("reverseOrder"):
        events.reverse()
    if self._get_param("includeExecutionData") is False:
        events = [_without_payload(one) for one in events]
    first = int(self._get_param("nextToken") or 0)
    last = first + (self._get_int_param("maxResults") or 100)
    answer: dict[str, Any] = {"events": events[first:last]}
    return ActionResult(answer | ({"nextToken": str(last)} if last < len(events) else {}))


def _without_payload(event: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: one for key, one in value.items() if key not in _PAYLOADS} if isinstance(value, dict) else value
        for name, value in event.items()
    }
