"""Lambda functions: configuration from ListFunctions, and metrics. Values of variables do not leave this module."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory import lambda_
from migration_ops.aws.metrics import Metric, period_seconds, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing

METRICS = {"invocations": "Invocations", "errors": "Errors", "throttles": "Throttles"}
FUNCTION_LOG_PREFIX = "/aws/lambda/"


def read(reader: AwsReader) -> dict[str, Any]:
    """``functions``: the members of :func:`_function`, and a series per metric of ``METRICS``."""
    names = reader.config.resources.functions
    if not names.include:
        return {"functions": [], NONE_EXPECTED: True}
    listed = lambda_.functions(reader.fresh())
    if is_failed(listed):
        return {"functions": listed}
    found = reader.guarded(
        "lambda:list_functions", lambda: [_function(one) for one in listed if names.matches(one["FunctionName"])]
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
    """What AWS leaves out is None: an image has no runtime, many functions have no dead-letter target or own key."""
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


# The lists that checks are about.
FUNCTIONS = Listing("functions", "functions", read)
