"""Performance of state machines: execution times by percentile and day, and transitions of the latest executions."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing

DAY_SECONDS = 86_400
TIMES = {"p50": "p50", "p95": "p95", "p99": "p99"}
ENDS = ("ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
# CloudWatch counts transitions for the whole account only, so they are counted in the histories of the latest
# executions that succeeded. A history has at most 25,000 events.
EXAMPLES = 3
ENTERED = "StateEntered"


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``stateMachines``: ``name, arn, kind``, daily series ``executionTime {p50, p95, p99}`` (ms) and ``ended`` (one
    series per metric of ``ENDS``), and for STANDARD ones ``latest [{name, transitions, events}]``.
    """
    names = reader.config.resources.state_machines
    if not names.include:
        return {"stateMachines": [], NONE_EXPECTED: True}
    listed = reader.pages("stepfunctions", "list_state_machines", "stateMachines")
    if is_failed(listed):
        return {"stateMachines": listed}
    ours = [
        {"name": one["name"], "arn": one["stateMachineArn"], "kind": one["type"]}
        for one in listed
        if names.matches(one["name"])
    ]
    series = read_metrics(reader, [metric for one in ours for metric in _metrics(one["arn"])])
    return {"stateMachines": reader.map(ours, lambda one: one | _measured(one["arn"], series) | _latest(reader, one))}


def _metrics(arn: str) -> list[Metric]:
    own = {"StateMachineArn": arn}
    times = [
        Metric(f"{arn}|{key}", "AWS/States", "ExecutionTime", own, statistic, DAY_SECONDS)
        for key, statistic in TIMES.items()
    ]
    return times + [Metric(f"{arn}|{end}", "AWS/States", end, own, "Sum", DAY_SECONDS) for end in ENDS]


def _measured(arn: str, series: dict[str, Any]) -> dict[str, Any]:
    return {
        "executionTime": {key: series[f"{arn}|{key}"] for key in TIMES},
        "ended": [series[f"{arn}|{end}"] for end in ENDS],
    }


def _latest(reader: AwsReader, machine: dict[str, Any]) -> dict[str, Any]:
    """EXPRESS executions cannot be listed (StateMachineTypeNotSupported)."""
    if machine["kind"] != "STANDARD":
        return {}
    answer = reader.call(
        "stepfunctions",
        "list_executions",
        stateMachineArn=machine["arn"],
        statusFilter="SUCCEEDED",
        maxResults=EXAMPLES,
    )
    if is_failed(answer):
        return {"latest": answer}
    return {"latest": reader.map(answer["executions"], lambda one: _example(reader, one))}


def _example(reader: AwsReader, execution: dict[str, Any]) -> dict[str, Any]:
    counted = reader.guarded("stepfunctions:get_execution_history", lambda: _counted(reader, execution["executionArn"]))
    found = {"name": execution["name"]}
    return found | ({"transitions": counted} if is_failed(counted) else counted)


def _counted(reader: AwsReader, arn: str) -> dict[str, int]:
    """Counts the types of events; execution data is not requested."""
    pages = (
        reader.client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=arn, includeExecutionData=False, PaginationConfig={"PageSize": 1000})
    )
    kinds = [event["type"] for page in pages for event in page["events"]]
    return {"transitions": sum(one.endswith(ENTERED) for one in kinds), "events": len(kinds)}


# The lists that checks are about.
STATE_MACHINES = Listing("performance_states", "stateMachines", read)
