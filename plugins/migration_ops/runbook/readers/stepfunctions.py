"""Step Functions: executions that ended badly in the window, those that still run, and metrics. No input, no output."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from migration_ops.aws.metrics import Metric, period_seconds, read_metrics
from migration_ops.aws.reader import Reader
from migration_ops.core.errors import Unknown
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.runbook.execution_details import details

# PENDING_REDRIVE is asked for by map run only; with a state machine's ARN it is a ValidationException (API reference).
BAD_ENDS = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}
METRICS = {**BAD_ENDS, "throttled": "ExecutionThrottled"}
# The largest page of ListExecutions.
PAGE_SIZE = 1000
MAX_LISTED, MAX_PAGES = 1_000, 100
# So many executions of a kind come with cause and last events.
DETAILED = 5


def read(reader: Reader) -> dict[str, Any]:
    """
    ``stateMachines``: name, arn, kind, ``metrics`` by end, and for STANDARD ones ``ended`` by status and ``running``.

    EXPRESS executions cannot be listed (StateMachineTypeNotSupported): of those only metrics are known.
    """
    names = reader.config.resources.state_machines
    if not names.include:
        return {"stateMachines": [], NONE_EXPECTED: True}
    found = reader.attempt(
        "stepfunctions:list_state_machines",
        lambda: [
            {"name": one["name"], "arn": one["stateMachineArn"], "kind": one["type"]}
            for page in reader.of("stepfunctions").get_paginator("list_state_machines").paginate()
            for one in page["stateMachines"]
            if names.takes(one["name"])
        ],
    )
    if is_failed(found):
        return {"stateMachines": found}
    period = period_seconds(reader.window)
    series = read_metrics(reader, [_metric(one["arn"], member, period) for one in found for member in METRICS])
    machines = reader.each(found, lambda one: one | _executions(reader, one))
    for one in machines:
        one["metrics"] = {member: series[f"{one['arn']}|{member}"] for member in METRICS}
    return {"stateMachines": machines}


def _metric(arn: str, member: str, period: int) -> Metric:
    return Metric(f"{arn}|{member}", "AWS/States", METRICS[member], {"StateMachineArn": arn}, "Sum", period)


def _executions(reader: Reader, machine: dict[str, Any]) -> dict[str, Any]:
    if machine["kind"] != "STANDARD":
        return {}
    arn = machine["arn"]
    return {
        "ended": {
            status: reader.attempt(f"stepfunctions:list_executions {status}", partial(_ended, reader, arn, status))
            for status in BAD_ENDS
        },
        "running": reader.attempt("stepfunctions:list_executions RUNNING", partial(_running, reader, arn)),
    }


def _listed(reader: Reader, arn: str, status: str) -> Iterator[dict[str, Any]]:
    """Most recent first: ended ones by their stop, running ones by start or redrive (API reference)."""
    pages = (
        reader.of("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=arn, statusFilter=status, PaginationConfig={"PageSize": PAGE_SIZE})
    )
    for number, page in enumerate(pages, start=1):
        if number > MAX_PAGES:
            raise Unknown(f"executions that are {status}: not read to the end after {MAX_PAGES} pages")
        yield from page["executions"]


def _ended(reader: Reader, arn: str, status: str) -> dict[str, Any]:
    """Those that ended in the window; later pages are older and are not asked for."""
    found: list[dict[str, Any]] = []
    for one in _listed(reader, arn, status):
        if one["stopDate"] < reader.since or len(found) == MAX_LISTED:
            break
        found.append(one)
    return {
        "count": len(found),
        "isCut": len(found) == MAX_LISTED,
        "times": [one["stopDate"] for one in found],
        "executions": [details(reader, one) for one in found[:DETAILED]],
    }


def _running(reader: Reader, arn: str) -> dict[str, Any]:
    """How many run, and the oldest of them: those are on the last page, so all pages are read."""
    count = 0
    begun: list[tuple[float, int, dict[str, Any]]] = []
    for count, one in enumerate(_listed(reader, arn, "RUNNING"), start=1):
        heapq.heappush(begun, (-_begun(one).timestamp(), count, one))
        if len(begun) > DETAILED:
            heapq.heappop(begun)
    oldest = sorted((one for _, _, one in begun), key=_begun)
    limit = timedelta(minutes=reader.config.thresholds.executions.max_running_minutes)
    return {"count": count, "oldest": [_aged(reader, one, limit) for one in oldest]}


def _begun(execution: dict[str, Any]) -> datetime:
    begun: datetime = execution.get("redriveDate") or execution["startDate"]
    return begun


def _aged(reader: Reader, execution: dict[str, Any], limit: timedelta) -> dict[str, Any]:
    age = reader.now - _begun(execution)
    found = {"name": execution["name"], "ageMinutes": round(age / timedelta(minutes=1), 1)}
    return found | (details(reader, execution) if age > limit else {})
