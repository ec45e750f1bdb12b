"""Lambda functions: configuration by ListFunctions, and their metrics. No variable's value leaves this module."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, period_seconds, read_metrics
from migration_ops.aws.reader import Reader
from migration_ops.core.facts import NONE_EXPECTED, is_failed

METRICS = {"invocations": "Invocations", "errors": "Errors", "throttles": "Throttles"}
FUNCTION_LOG_PREFIX = "/aws/lambda/"


def read(reader: Reader) -> dict[str, Any]:
    """``functions``: name, arn, role, runtime, memory, limits, names of variables, log group, and a series a metric."""
    names = reader.config.resources.functions
    if not names.include:
        return {"functions": [], NONE_EXPECTED: True}
    found = reader.attempt(
        "lambda:list_functions",
        lambda: [
            _function(one)
            for page in reader.of("lambda").get_paginator("list_functions").paginate()
            for one in page["Functions"]
            if names.takes(one["FunctionName"])
        ],
    )
    if is_failed(found):
        return {"functions": found}
    period = period_seconds(reader.window)
    series = read_metrics(reader, [_metric(one["name"], member, period) for one in found for member in METRICS])
    return {
        "functions": [one | {member: series[f"{one['name']}|{member}"] for member in METRICS} for one in found],
    }


def _metric(name: str, member: str, period: int) -> Metric:
    return Metric(f"{name}|{member}", "AWS/Lambda", METRICS[member], {"FunctionName": name}, "Sum", period)


def _function(answer: dict[str, Any]) -> dict[str, Any]:
    """What AWS leaves out stays out: an image has no runtime, many functions have no dead letters and no own key."""
    name = answer["FunctionName"]
    environment = answer.get("Environment", {})
    return {
        "name": name,
        "arn": answer["FunctionArn"],
        "role": answer["Role"],
        "runtime": answer.get("Runtime"),
        "packageType": answer.get("PackageType", "Zip"),
        "timeoutSeconds": answer["Timeout"],
        "memoryMb": answer["MemorySize"],
        "kmsKeyArn": answer.get("KMSKeyArn"),
        "deadLetterTarget": answer.get("DeadLetterConfig", {}).get("TargetArn"),
        "variables": sorted(environment.get("Variables", {})),
        "logGroup": answer.get("LoggingConfig", {}).get("LogGroup", FUNCTION_LOG_PREFIX + name),
    }
