"""Attribute values of DynamoDB as typed JSON: ``{"S": "text"}``, ``{"L": [{"N": "1"}]}``, ``{"BS": ["QQ=="]}``.

Source: Amazon DynamoDB API Reference, data type AttributeValue.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any


def is_value(value: Any) -> bool:
    """Whether it is one attribute value, at every depth. What a number may be is left to DynamoDB."""
    if type(value) is not dict or len(value) != 1:
        return False
    ((kind, inner),) = value.items()
    # Most values are texts: no call for each of them.
    plain = _PLAIN.get(kind)
    if plain is not None:
        return type(inner) is plain
    look = _OTHER.get(kind)
    return look is not None and look(inner)


def _is_text(inner: Any) -> bool:
    return type(inner) is str


def _is_base64(inner: Any) -> bool:
    if type(inner) is not str:
        return False
    try:
        b64decode(inner, validate=True)
    except ValueError:
        return False
    return True


def _is_list_of(look: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda inner: type(inner) is list and all(map(look, inner))


def _is_map(inner: Any) -> bool:
    return type(inner) is dict and all(map(is_value, inner.values()))


_PLAIN: dict[str, type] = {"S": str, "N": str, "BOOL": bool, "NULL": bool}
_OTHER: dict[str, Callable[[Any], bool]] = {
    "B": _is_base64,
    "SS": _is_list_of(_is_text),
    "NS": _is_list_of(_is_text),
    "BS": _is_list_of(_is_base64),
    "L": _is_list_of(is_value),
    "M": _is_map,
}
