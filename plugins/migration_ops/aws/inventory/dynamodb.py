"""The ledger's table in DynamoDB: state of table and indexes, backups, throttles and errors."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.dynamodb_scratch import read_scratch
from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing

THROTTLES = {"readThrottles": "ReadThrottleEvents", "writeThrottles": "WriteThrottleEvents"}
# SystemErrors exists by operation only (DynamoDB Developer Guide, metrics and dimensions): the ledger's operations.
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


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``tables``: ``name, arn, status, billingMode, deletionProtection, backups {continuous, pointInTime, earliest,
    latest}, systemErrors [{operation, values}]``.

    ``parts``: the table and its indexes, ``name, kind, status, readThrottles {values}, writeThrottles {values}``.

    ``scratch``: tables of drills and restores, see ``dynamodb_scratch``.
    """
    scratch = read_scratch(reader)
    name = reader.settings.table_name
    table = reader.guarded(
        "dynamodb:describe_table", lambda: reader.client("dynamodb").describe_table(TableName=name)["Table"]
    )
    if is_failed(table):
        return {"tables": table, "parts": table, "scratch": scratch}
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
        # A table that was never on-demand has no BillingModeSummary.
        "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "deletionProtection": table.get("DeletionProtectionEnabled"),
        "backups": _backups(reader, name),
        "systemErrors": _by_operation(values),
    }
    return {"tables": [own], "parts": parts, "scratch": scratch}


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


def _backups(reader: AwsReader, table: str) -> Any:
    found = reader.guarded(
        "dynamodb:describe_continuous_backups",
        lambda: reader.client("dynamodb").describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"],
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


# The lists that checks are about.
PARTS = Listing("dynamodb", "parts", read)
SCRATCH = Listing("dynamodb", "scratch", read)
TABLES = Listing("dynamodb", "tables", read)
