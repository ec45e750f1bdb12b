"""Attribute values of DynamoDB as boto3's serializer makes them, but ten times as fast.

With boto3's type checks they would take half of a schedule's time. ``tests/simulation/test_table.py`` compares both;
values that are not plain are passed to boto3's serializer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from migration_ops.ledger import items

_slow_to_value, _slow_from_value = items.to_value, items.from_value
_PLAIN_INT = 10**37


def to_value(value: Any, path: str = "value") -> Any:
    """As ``ledger.items.to_value``."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is int and -_PLAIN_INT < value < _PLAIN_INT:
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if kind is dict and all(type(name) is str for name in value):
        return {"M": {name: to_value(one, path) for name, one in value.items()}}
    if kind is list or kind is tuple:
        return {"L": [to_value(one, path) for one in value]}
    return _slow_to_value(value, path)


def from_value(value: Any) -> Any:
    """As ``ledger.items.from_value``."""
    [(kind, inner)] = value.items()
    if kind == "S" or kind == "BOOL":
        return inner
    if kind == "N" and inner.lstrip("-").isdigit():
        return int(inner)
    if kind == "M":
        return {name: from_value(one) for name, one in inner.items()}
    if kind == "L":
        return [from_value(one) for one in inner]
    return _slow_from_value(value)


@contextmanager
def fast_values() -> Iterator[None]:
    """Inside this context the ledger uses the two functions above."""
    module: Any = items
    before = module.to_value, module.from_value
    module.to_value, module.from_value = to_value, from_value
    try:
        yield
    finally:
        module.to_value, module.from_value = before
