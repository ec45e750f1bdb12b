"""Gives moto's DynamoDB the isolation that DynamoDB has.

moto 5.2.5 undoes a refused transaction by putting back a copy of the whole table, over what other threads wrote in the
meantime; and it makes that deep copy once per action, which takes a second for a hundred actions.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

# Reads wait too: nobody may see a transaction that is refused in the end.
_ISOLATED = ("put_item", "update_item", "delete_item", "get_item", "query", "scan", "transact_write_items")
lock = threading.RLock()


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(DynamoDBBackend, "_isolated", False):
        return
    DynamoDBBackend.update_item = _on_a_copy(DynamoDBBackend.update_item)
    for name in _ISOLATED:
        setattr(DynamoDBBackend, name, _one_at_a_time(getattr(DynamoDBBackend, name)))
    # The name "copy" as moto's module sees it, nowhere else.
    models.copy = SimpleNamespace(deepcopy=_copy, copy=copy.copy)
    DynamoDBBackend._isolated = True


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def isolated(self: DynamoDBBackend, *args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(self, *args, **kwargs)

    return isolated


def _on_a_copy(update_item: Callable[..., Any]) -> Callable[..., Any]:
    """An update works on a new item, so that a backup of the table keeps the old one."""

    @wraps(update_item)
    def updated(self: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        table = self.tables.get(table_name)
        if table is not None and table.hash_key_attr in key:
            held = table.items.get(DynamoType(key[table.hash_key_attr]))
            if isinstance(held, dict):
                range_key = DynamoType(key[table.range_key_attr]) if table.range_key_attr in key else None
                if range_key in held:
                    held[range_key] = copy.deepcopy(held[range_key])
            elif held is not None:
                table.items[DynamoType(key[table.hash_key_attr])] = copy.deepcopy(held)
        return update_item(self, table_name, key, *args, **kwargs)

    return updated


def _copy(value: Any) -> Any:
    """A table's backup needs its own dictionaries only: no write changes an item in place (see ``_on_a_copy``)."""
    if not isinstance(value, Table):
        return copy.deepcopy(value)
    backup = copy.copy(value)
    backup.items = type(value.items)(getattr(value.items, "default_factory", None))
    for key, one in value.items.items():
        backup.items[key] = copy.copy(one) if isinstance(one, dict) else one
    return backup
