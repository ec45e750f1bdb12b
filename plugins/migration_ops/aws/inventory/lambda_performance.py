"""Performance of Lambda functions: durations by percentile and day, concurrency, memory from REPORT lines."""

from __future__ import annotations

import json
import re
from datetime import datetime
from itertools import islice
from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing

# The longest period of CloudWatch; percentiles of longer periods cannot be computed from daily ones.
DAY_SECONDS = 86_400
DURATIONS = {"p50": "p50", "p95": "p95", "p99": "p99", "max": "Maximum"}
COUNTERS = {"invocations": ("Invocations", "Sum"), "throttles": ("Throttles", "Sum")}
PROVISIONED = {
    "utilization": ("ProvisionedConcurrencyUtilization", "Maximum"),
    "invocations": ("ProvisionedConcurrencyInvocations", "Sum"),
    "spillovers": ("ProvisionedConcurrencySpilloverInvocations", "Sum"),
}
# At most so many pages and lines of the newest REPORT lines are read; then the document says that it is a sample.
MAX_PAGES, MAX_LINES = 10, 2_000
# Text format, and the JSON format of advanced logging.
REPORT_PATTERN = '?"REPORT RequestId" ?"platform.report"'
_MAX_USED = re.compile(r"Max Memory Used: (\d+) MB")
_SIZE = re.compile(r"Memory Size: (\d+) MB")


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``functions``: ``name, timeoutMs, memoryMb``, daily series ``duration {p50, p95, p99, max}`` (ms), ``invocations``,
    ``throttles`` and ``concurrent`` (peak), ``concurrency {ReservedConcurrentExecutions}``, ``provisioned [{qualifier,
    status, statusReason, requested, utilization, invocations, spillovers}]``, ``memory {lines, maxUsedMb, isSample}``.

    ``memory`` counts only lines with the present memory size; ``maxUsedMb`` is None when there are none.
    """
    names = reader.config.resources.functions
    if not names.include:
        return {"functions": [], NONE_EXPECTED: True}
    listed = reader.pages("lambda", "list_functions", "Functions")
    if is_failed(listed):
        return {"functions": listed}
    ours = [one for one in listed if names.matches(one["FunctionName"])]
    functions = reader.map(ours, lambda one: _function(reader, one))
    series = read_metrics(reader, [metric for one in functions for metric in _metrics(one)])
    return {"functions": [_with_series(one, series) for one in functions]}


def _function(reader: AwsReader, listed: dict[str, Any]) -> dict[str, Any]:
    name = listed["FunctionName"]
    group = listed.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{name}")
    return {
        "name": name,
        "timeoutMs": listed["Timeout"] * 1000,
        "memoryMb": listed["MemorySize"],
        "concurrency": reader.call("lambda", "get_function_concurrency", FunctionName=name),
        "provisioned": _provisioned(reader, name),
        "memory": reader.guarded("logs:filter_log_events", lambda: _memory(reader, group, listed["MemorySize"])),
    }


def _provisioned(reader: AwsReader, name: str) -> Any:
    configs = reader.pages(
        "lambda", "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs", FunctionName=name
    )
    if is_failed(configs):
        return configs
    return [
        {
            "qualifier": one["FunctionArn"].rsplit(":", 1)[-1],
            "status": one.get("Status"),
            "statusReason": one.get("StatusReason"),
            "requested": one.get("RequestedProvisionedConcurrentExecutions"),
        }
        for one in configs
    ]


def _memory(reader: AwsReader, group: str, size_mb: int) -> dict[str, Any]:
    """Memory use in the newest lines first. Pages without events are normal: the search continues with their token."""
    pages = (
        reader.client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName=group,
            filterPattern=REPORT_PATTERN,
            startTime=_milliseconds(reader.since),
            endTime=_milliseconds(reader.now),
            startFromHead=False,
        )
    )
    used: list[int] = []
    for number, page in enumerate(islice(pages, MAX_PAGES + 1)):
        if number == MAX_PAGES or len(used) >= MAX_LINES:
            return _summary(used, is_sample=True)
        found = (memory_of(one["message"]) for one in page["events"])
        used += [max_used for max_used, size in filter(None, found) if size == size_mb]
    return _summary(used, is_sample=False)


def _summary(used: list[int], *, is_sample: bool) -> dict[str, Any]:
    return {"lines": len(used), "maxUsedMb": max(used, default=None), "isSample": is_sample}


def memory_of(message: str) -> tuple[int, int] | None:
    """Maximum memory used and memory size in MB, from a REPORT line; None for other lines."""
    used, size = _MAX_USED.search(message), _SIZE.search(message)
    if used and size:
        return int(used[1]), int(size[1])
    try:
        metrics = json.loads(message)["record"]["metrics"]
        return int(metrics["maxMemoryUsedMB"]), int(metrics["memorySizeMB"])
    except (ValueError, KeyError, TypeError):
        return None


def _metrics(function: dict[str, Any]) -> list[Metric]:
    name = function["name"]
    own = {"FunctionName": name}
    found = [
        Metric(f"{name}|{key}", "AWS/Lambda", "Duration", own, statistic, DAY_SECONDS)
        for key, statistic in DURATIONS.items()
    ]
    found += [
        Metric(f"{name}|{key}", "AWS/Lambda", metric, own, statistic, DAY_SECONDS)
        for key, (metric, statistic) in (COUNTERS | {"concurrent": ("ConcurrentExecutions", "Maximum")}).items()
    ]
    if is_failed(function["provisioned"]):
        return found
    for one in function["provisioned"]:
        resource = f"{name}:{one['qualifier']}"
        found += [
            Metric(f"{resource}|{key}", "AWS/Lambda", metric, own | {"Resource": resource}, statistic, DAY_SECONDS)
            for key, (metric, statistic) in PROVISIONED.items()
        ]
    return found


def _with_series(function: dict[str, Any], series: dict[str, Any]) -> dict[str, Any]:
    name = function["name"]
    found = function | {key: series[f"{name}|{key}"] for key in (*COUNTERS, "concurrent")}
    found["duration"] = {key: series[f"{name}|{key}"] for key in DURATIONS}
    if not is_failed(function["provisioned"]):
        found["provisioned"] = [
            one | {key: series[f"{name}:{one['qualifier']}|{key}"] for key in PROVISIONED}
            for one in function["provisioned"]
        ]
    return found


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


# The lists that checks are about.
FUNCTIONS = Listing("performance_lambda", "functions", read)
