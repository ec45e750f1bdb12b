"""Indexes of DynamoDB that take their time: moto 5.2.5 calls a new one ACTIVE at once.

As the API reference of UpdateTable has it: the index is CREATING, the table UPDATING, until the index is filled.

And their keys: a write whose attribute is no key that an index takes (of another type, empty, too long) is refused.
moto refuses empty ones only. Items from before the index stay, outside it.
"""

from __future__ import annotations

import time
from typing import Any

from moto.dynamodb.exceptions import MockValidationException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import GlobalSecondaryIndex, Table
from moto.dynamodb.responses import DynamoHandler

# DynamoDB needs minutes even for an empty table. Real seconds.
BUILD_SECONDS = 3600.0
MOST_BYTES = {"HASH": 2048, "RANGE": 1024}


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

    _refuse_bad_keys()
    DynamoDBBackend.update_table_global_indexes = updated
    GlobalSecondaryIndex.describe = index_described
    Table.describe = table_described
    DynamoDBBackend._builds_indexes = True


def _is_building(index: GlobalSecondaryIndex) -> bool:
    return bool(time.monotonic() < getattr(index, "_built_at", 0.0))


def _refuse_bad_keys() -> None:
    put, update, batch = DynamoDBBackend.put_item, DynamoDBBackend.update_item, DynamoHandler.batch_write_item

    def put_item(self: DynamoDBBackend, table_name: str, item_attrs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        _require_keys(self.get_table(table_name), item_attrs)
        return put(self, table_name, item_attrs, *args, **kwargs)

    def update_item(self: DynamoDBBackend, table_name: str, *args: Any, **kwargs: Any) -> Any:
        item = update(self, table_name, *args, **kwargs)
        # The old item is put back by ``dynamodb_isolation``.
        _require_keys(self.get_table(table_name), {name: one.to_json() for name, one in item.attrs.items()})
        return item

    def batch_write_item(self: DynamoHandler) -> Any:
        for name, requests in self.body["RequestItems"].items():
            table = self.dynamodb_backend.get_table(name)
            for one in requests:
                _require_keys(table, one.get("PutRequest", {}).get("Item", {}))
        return batch(self)

    DynamoDBBackend.put_item = put_item
    DynamoDBBackend.update_item = update_item
    DynamoHandler.batch_write_item = batch_write_item


def _require_keys(table: Table, item: dict[str, Any]) -> None:
    types = {one["AttributeName"]: one["AttributeType"] for one in table.attr}
    for index in table.all_indexes():
        for key in index.schema:
            name = key["AttributeName"]
            if name in item:
                _require_key(index.name, name, types[name], MOST_BYTES[key["KeyType"]], item[name])


def _require_key(index: str, name: str, wanted: str, most: int, value: dict[str, Any]) -> None:
    ((kind, inner),) = value.items()
    if kind != wanted:
        raise MockValidationException(
            "One or more parameter values were invalid: Type mismatch for Index Key "
            f"{name} Expected: {wanted} Actual: {kind} IndexName: {index}"
        )
    if kind in ("S", "B") and not inner:
        raise MockValidationException(
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
            "The AttributeValue for a key attribute cannot contain an empty string value. "
            f"IndexName: {index}, IndexKey: {name}"
        )
    size = len(str(inner).encode()) if kind == "S" else len(str(inner).rstrip("=")) * 3 // 4 if kind == "B" else 0
    if size > most:
        raise MockValidationException(
            f"One or more parameter values were invalid: Size of the index key {name} exceeds {most} bytes "
            f"IndexName: {index}"
        )
