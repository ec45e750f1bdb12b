"""Indexes of DynamoDB that take their time: moto 5.2.5 calls a new one ACTIVE at once.

As the API reference of UpdateTable has it: the index is CREATING, the table UPDATING, until the index is filled.
"""

from __future__ import annotations

import time
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import GlobalSecondaryIndex, Table

# DynamoDB needs minutes even for an empty table. Real seconds.
BUILD_SECONDS = 3600.0


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(DynamoDBBackend, "_builds_indexes", False):
        return
    update, describe_index, describe_table = (
        DynamoDBBackend.update_table_global_indexes,
        GlobalSecondaryIndex.describe,
        Table.describe,
    )

    def updated(self: DynamoDBBackend, table: Table, global_index_updates: list[dict[str, Any]]) -> None:
        update(self, table, global_index_updates)
        wanted = {one["Create"]["IndexName"] for one in global_index_updates if "Create" in one}
        for index in table.global_indexes:
            if index.name in wanted:
                index._built_at = time.monotonic() + BUILD_SECONDS

    def index_described(self: GlobalSecondaryIndex) -> dict[str, Any]:
        building = {"IndexStatus": "CREATING", "Backfilling": True} if _is_building(self) else {}
        return describe_index(self) | building

    def table_described(self: Table, base_key: str = "TableDescription") -> dict[str, Any]:
        answer: dict[str, Any] = describe_table(self, base_key=base_key)
        if any(_is_building(index) for index in self.global_indexes):
            answer[base_key]["TableStatus"] = "UPDATING"
        return answer

    DynamoDBBackend.update_table_global_indexes = updated
    GlobalSecondaryIndex.describe = index_described
    Table.describe = table_described
    DynamoDBBackend._builds_indexes = True


def _is_building(index: GlobalSecondaryIndex) -> bool:
    return bool(time.monotonic() < getattr(index, "_built_at", 0.0))
