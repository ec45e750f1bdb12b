"""Throttling of the ledger's table and of each of its indexes: a hot key of an index throttles the table's writes."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import ABOVE, Alarm, Series

SUBJECTS = "tables"


def wanted(table: Facts, limits: Thresholds) -> list[Alarm]:
    name = table["name"]
    parts = {name: {"TableName": name}} | {
        f"{name}/{index}": {"TableName": name, "GlobalSecondaryIndexName": index} for index in table["indexes"]
    }
    return [
        Alarm(
            kind="table_throttles",
            about=f"{part}/{metric}",
            measure=Series("AWS/DynamoDB", metric, dimensions, "Sum", 300),
            threshold=limits.table.max_throttle_events,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"{part} is throttled ({metric}).",
        )
        for part, dimensions in parts.items()
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents")
    ]
