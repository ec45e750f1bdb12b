"""DynamoDB tables: billing mode, and consumed capacity by the hour."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import NONE_EXPECTED, is_failed
from migration_ops.core.listing import Listing

HOUR_SECONDS = 3_600
UNITS = {"reads": "ReadCapacityUnits", "writes": "WriteCapacityUnits"}


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``tables``: ``name, billingMode, hours`` (of the window) and ``parts``: the table and its indexes, each ``name``,
    ``provisioned {reads, writes}`` (units a second) and ``consumed {reads, writes}`` (units by the hour).
    """
    names = reader.config.resources.tables
    if not names.include:
        return {"tables": [], NONE_EXPECTED: True}
    listed = reader.pages("dynamodb", "list_tables", "TableNames")
    if is_failed(listed):
        return {"tables": listed}
    tables = reader.map([one for one in listed if names.matches(one)], lambda one: _table(reader, one))
    series = read_metrics(reader, [metric for table in tables for metric in _metrics(table)])
    for table in tables:
        if not is_failed(table["parts"]):
            for part in table["parts"]:
                part["consumed"] = {of: series[f"{table['name']}|{part['name']}|{of}"] for of in UNITS}
    return {"tables": tables}


def _table(reader: AwsReader, name: str) -> dict[str, Any]:
    answer = reader.call("dynamodb", "describe_table", TableName=name)
    if is_failed(answer):
        return {"name": name, "billingMode": answer, "parts": answer}
    table = answer["Table"]
    return {
        "name": name,
        "billingMode": table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED"),
        "hours": round(reader.window.total_seconds() / HOUR_SECONDS, 1),
        "parts": [
            _part("table", table),
            *(_part(one["IndexName"], one) for one in table.get("GlobalSecondaryIndexes", [])),
        ],
    }


def _part(name: str, described: dict[str, Any]) -> dict[str, Any]:
    """The table or an index. An on-demand table has no provisioned throughput, or zeroes."""
    provisioned = described.get("ProvisionedThroughput", {})
    return {"name": name, "provisioned": {of: provisioned.get(member, 0) for of, member in UNITS.items()}}


def _metrics(table: dict[str, Any]) -> list[Metric]:
    if is_failed(table["parts"]):
        return []
    return [
        Metric(
            f"{table['name']}|{part['name']}|{of}",
            "AWS/DynamoDB",
            f"Consumed{member}",
            {"TableName": table["name"]}
            | ({} if part["name"] == "table" else {"GlobalSecondaryIndexName": part["name"]}),
            "Sum",
            HOUR_SECONDS,
        )
        for part in table["parts"]
        for of, member in UNITS.items()
    ]


# The lists that checks are about.
TABLES = Listing("table_mode", "tables", read)
