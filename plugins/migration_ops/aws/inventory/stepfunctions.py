"""Step Functions: executions that failed in the window, those that still run, and metrics. No input, no output."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from migration_ops.aws.inventory.stepfunctions_details import details
from migration_ops.aws.metrics import Metric, period_seconds, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing

# PENDING_REDRIVE can be listed by map run only; with a state machine's ARN it is a ValidationException (API reference).
BAD_ENDS = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut", "ABORTED": "ExecutionsAborted"}
METRICS = {**BAD_ENDS, "throttled": "ExecutionThrottled"}
# The largest page of ListExecutions.
PAGE_SIZE = 1000
MAX_LISTED, MAX_PAGES = 1_000, 100
# How many executions of a status are read with cause and last events.
DETAILED = 5


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``stateMachines``: name, arn, kind, ``metrics``, and for STANDARD ones ``ended`` by status and ``running``.

    EXPRESS executions cannot be listed (StateMachineTypeNotSupported): of those only metrics are known.
    """
    names = reader.config.resources.state_machines
    if not names.include:
        return {"stateMachines": [], NONE_EXPECTED: True}
    found = reader.guarded(
        "stepfunctions:list_state_machines",
        lambda: [
            {"name": one["name"], "arn": one["stateMachineArn"], "kind": one["type"]}
            for page in reader.client("stepfunctions").get_paginator("list_state_machines").paginate()
            for one in page["stateMachines"]
            if names.matches(one["name"])
        ],
    )
    if is_failed(found):
        return {"stateMachines": found}
    period = period_seconds(reader.window)
    series = read_metrics(reader, [_metric(one["arn"], member, period) for one in found for member in METRICS])
    machines = reader.map(found, lambda one: one | _executions(reader, one))
    for one in machines:
        one["metrics"] = {member: series[f"{one['arn']}|{member}"] for member in METRICS}
    return {"stateMachines": machines}


def _metric(arn: str, member: str, period: int) -> Metric:
    return Metric(f"{arn}|{member}", "AWS/States", METRICS[member], {"StateMachineArn": arn}, "Sum", period)


def _executions(reader: AwsReader, machine: dict[str, Any]) -> dict[str, Any]:
    if machine["kind"] != "STANDARD":
        return {}
    arn = machine["arn"]
    return {
        "ended": {
            status: reader.guarded(f"stepfunctions:list_executions {status}", partial(_ended, reader, arn, status))
            for status in BAD_ENDS
        },
        "running": reader.guarded("stepfunctions:list_executions RUNNING", partial(_running, reader, arn)),
    }


def _listed(reader: AwsReader, arn: str, status: str) -> Iterator[dict[str, Any]]:
    """Most recent first: ended executions by stop date, running ones by start or redrive date (API reference)."""
    pages = (
        reader.client("stepfunctions")
        .get_paginator("list_executions")
        .paginate(stateMachineArn=arn, statusFilter=status, PaginationConfig={"PageSize": PAGE_SIZE})
    )
    for number, page in enumerate(pages, start=1):
        if number > MAX_PAGES:
            raise UnknownError(f"executions that are {status}: not read to the end after {MAX_PAGES} pages")
        yield from page["executions"]


def _ended(reader: AwsReader, arn: str, status: str) -> dict[str, Any]:
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


def _running(reader: AwsReader, arn: str) -> dict[str, Any]:
    """How many run, and the oldest of them. The oldest are on the last page, so all pages are read."""
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


def _aged(reader: AwsReader, execution: dict[str, Any], limit: timedelta) -> dict[str, Any]:
    age = reader.now - _begun(execution)
    found = {"name": execution["name"], "ageMinutes": round(age / timedelta(minutes=1), 1)}
    return found | (details(reader, execution) if age > limit else {})


# The lists that checks are about.
STATE_MACHINES = Listing("stepfunctions", "stateMachines", read)
