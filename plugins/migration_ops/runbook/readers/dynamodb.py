"""The ledger's table in DynamoDB: state of table and indexes, backups, throttles and errors."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed

THROTTLES = {"readThrottles": "ReadThrottleEvents", "writeThrottles": "WriteThrottleEvents"}
# SystemErrors exists by operation only (DynamoDB Developer Guide, metrics and dimensions); what the ledger calls.
OPERATIONS = (
    "BatchGetItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "TransactWriteItems",
    "UpdateItem",
)


def read(reader: Reader) -> dict[str, Any]:
    """
    ``tables``: ``name, arn, status, billingMode, deletionProtection, backups {continuous, pointInTime, earliest,
    latest}, systemErrors [{operation, values}]``.

    ``parts``: the table and its indexes, ``name, kind, status, readThrottles {values}, writeThrottles {values}``.
    """
    name = reader.settings.table_name
    table = reader.attempt(
        "dynamodb:describe_table", lambda: reader.of("dynamodb").describe_table(TableName=name)["Table"]
    )
    if is_failed(table):
        return {"tables": table, "parts": table}
    parts: list[dict[str, Any]] = [{"name": name, "kind": "table", "status": table.get("TableStatus")}]
    parts += [
        {"name": f"{name}/index/{one.get('IndexName')}", "kind": "index", "status": one.get("IndexStatus")}
        for one in table.get("GlobalSecondaryIndexes", [])
    ]
    values = read_metrics(reader, [*(_throttles(name, one, of) for one in parts for of in THROTTLES), *_errors(name)])
    for part in parts:
        part |= {of: values[f"{part['name']}|{of}"] for of in THROTTLES}
    own = {
        "name": name,
        "arn": table.get("TableArn"),
        "status": table.get("TableStatus"),
        # A table that never was on-demand has no summary of its billing mode.
        "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "deletionProtection": table.get("DeletionProtectionEnabled"),
        "backups": _backups(reader, name),
        "systemErrors": _by_operation(values),
    }
    return {"tables": [own], "parts": parts}


def _throttles(table: str, part: dict[str, Any], of: str) -> Metric:
    dimensions = {"TableName": table}
    if part["kind"] == "index":
        dimensions["GlobalSecondaryIndexName"] = part["name"].rsplit("/", 1)[-1]
    return Metric(f"{part['name']}|{of}", "AWS/DynamoDB", THROTTLES[of], dimensions, "Sum", 300)


def _errors(table: str) -> list[Metric]:
    return [
        Metric(one, "AWS/DynamoDB", "SystemErrors", {"TableName": table, "Operation": one}, "Sum", 300)
        for one in OPERATIONS
    ]


def _by_operation(values: dict[str, Any]) -> Any:
    unread = next((values[one] for one in OPERATIONS if is_failed(values[one])), None)
    return unread or [{"operation": one, **values[one]} for one in OPERATIONS]


def _backups(reader: Reader, table: str) -> Any:
    found = reader.attempt(
        "dynamodb:describe_continuous_backups",
        lambda: reader.of("dynamodb").describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"],
    )
    if is_failed(found):
        return found
    recovery = found.get("PointInTimeRecoveryDescription", {})
    return {
        "continuous": found.get("ContinuousBackupsStatus"),
        "pointInTime": recovery.get("PointInTimeRecoveryStatus"),
        "earliest": recovery.get("EarliestRestorableDateTime"),
        "latest": recovery.get("LatestRestorableDateTime"),
    }
