"""Performance of DynamoDB tables: what tables and indexes consumed, and throttling of single keys."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing

DAY_SECONDS = 86_400
# With TableName alone CloudWatch returns the table without its indexes (DynamoDB Developer Guide, metrics).
CONSUMED = {"reads": "ConsumedReadCapacityUnits", "writes": "ConsumedWriteCapacityUnits"}
# Throttled by the limit of one partition (3,000 reads or 1,000 writes a second), not of the table: a hot key.
KEY_RANGE = {
    "hotReads": "ReadKeyRangeThroughputThrottleEvents",
    "hotWrites": "WriteKeyRangeThroughputThrottleEvents",
}
THROTTLES = {"readThrottles": "ReadThrottleEvents", "writeThrottles": "WriteThrottleEvents"}
METRICS = CONSUMED | KEY_RANGE | THROTTLES


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``tables``: ``name, billingMode, items, bytes`` and ``indexes [name]``.

    ``parts``: each table and each index, ``name, table, kind``, and daily series of ``reads, writes`` (consumed units),
    ``hotReads, hotWrites, readThrottles, writeThrottles`` (events).
    """
    names = reader.config.resources.tables
    if not names.include:
        return {"tables": [], "parts": [], NONE_EXPECTED: True}
    listed = reader.pages("dynamodb", "list_tables", "TableNames")
    if is_failed(listed):
        return {"tables": listed, "parts": listed}
    tables = reader.map([one for one in listed if names.matches(one)], lambda one: _table(reader, one))
    parts = [part for table in tables for part in _parts(table)]
    series = read_metrics(reader, [metric for part in parts for metric in _metrics(part)])
    for part in parts:
        part |= {key: series[f"{part['name']}|{key}"] for key in METRICS}
    return {"tables": tables, "parts": parts + _unknown_parts(tables)}


def _table(reader: AwsReader, name: str) -> dict[str, Any]:
    answer = reader.call("dynamodb", "describe_table", TableName=name)
    if is_failed(answer):
        return {"name": name, "billingMode": answer, "indexes": answer}
    table = answer["Table"]
    return {
        "name": name,
        # A table that was never on-demand has no BillingModeSummary.
        "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "items": table.get("ItemCount"),
        "bytes": table.get("TableSizeBytes"),
        "indexes": [one["IndexName"] for one in table.get("GlobalSecondaryIndexes", [])],
    }


def _unknown_parts(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One entry for all unknown indexes: of tables that could not be described."""
    failures = [one["indexes"] for one in tables if is_failed(one["indexes"])]
    return [{"name": "*", "table": "*", "kind": "index"} | dict.fromkeys(METRICS, failures[0])] if failures else []


def _parts(table: dict[str, Any]) -> list[dict[str, Any]]:
    own = {"name": table["name"], "table": table["name"], "kind": "table"}
    if is_failed(table["indexes"]):
        return [own]
    return [
        own,
        *(
            {"name": f"{table['name']}/index/{one}", "table": table["name"], "kind": "index"}
            for one in table["indexes"]
        ),
    ]


def _metrics(part: dict[str, Any]) -> list[Metric]:
    dimensions = {"TableName": part["table"]}
    if part["kind"] == "index":
        dimensions["GlobalSecondaryIndexName"] = part["name"].rsplit("/", 1)[-1]
    return [
        Metric(f"{part['name']}|{key}", "AWS/DynamoDB", metric, dimensions, "Sum", DAY_SECONDS)
        for key, metric in METRICS.items()
    ]


# The lists that checks are about.
PARTS = Listing("performance_table", "parts", read)
TABLES = Listing("performance_table", "tables", read)
