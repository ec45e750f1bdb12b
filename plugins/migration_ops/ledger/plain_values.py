"""Attribute values of DynamoDB for plain JSON values: the same as boto3's serializer makes, twenty times as fast.

boto3 asks each value up to ten questions about its type. What is not plain is refused here, so that boto3 judges it:
``tests/ledger/test_plain_values.py`` compares both. Texts are handled where they are met, without a call of a function:
nearly all values are texts.
"""

from __future__ import annotations

from typing import Any

# DynamoDB holds 38 digits.
_PLAIN_INT = 10**37
_LONGEST_NUMBER = 37
_TEXTS = frozenset({str})


class NotPlainError(Exception):
    """The value needs boto3's serializer. It is caught in ``items.py`` and never seen outside."""


def plain_to_value(value: Any) -> dict[str, Any]:
    """The attribute value of a plain JSON value.

    :raises NotPlainError: it is none.
    """
    kind = type(value)
    if kind is dict:
        return {"M": _map(value)}
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if kind is list or kind is tuple:
        return {"L": [{"S": one} if type(one) is str else plain_to_value(one) for one in value]}
    if kind is int and -_PLAIN_INT < value < _PLAIN_INT:
        return {"N": str(value)}
    if kind is float:
        return {"N": _float_text(value)}
    raise NotPlainError


def _map(document: dict[Any, Any]) -> dict[str, Any]:
    if not _TEXTS.issuperset(map(type, document)):
        raise NotPlainError
    return {name: {"S": one} if type(one) is str else plain_to_value(one) for name, one in document.items()}


def _float_text(value: float) -> str:
    """As ``str(Decimal(str(value)))``."""
    text = repr(value)
    # Not with an exponent, nor inf or nan.
    if text.removeprefix("-").replace(".", "", 1).isdecimal():
        return text
    raise NotPlainError


def plain_from_value(value: dict[str, Any]) -> Any:
    """The JSON value of an attribute value: whole numbers as int, others as float.

    :raises NotPlainError: it is no text, plain number, boolean, null, list or map.
    """
    if len(value) != 1:
        raise NotPlainError
    [(kind, inner)] = value.items()
    if kind == "S" or kind == "BOOL":
        return inner
    if kind == "M":
        return plain_from_map(inner)
    if kind == "N":
        return _number(inner)
    if kind == "L":
        return [plain_from_value(one) for one in inner]
    if kind == "NULL":
        return None
    raise NotPlainError


def plain_from_map(item: dict[str, Any]) -> dict[str, Any]:
    """As :func:`plain_from_value` for each entry of an item or map."""
    return {name: one["S"] if "S" in one and len(one) == 1 else plain_from_value(one) for name, one in item.items()}


def _number(text: str) -> int | float:
    if len(text) > _LONGEST_NUMBER:
        raise NotPlainError
    if text.isdecimal():
        return int(text)
    whole, _, fraction = text.partition(".")
    if not (whole.removeprefix("-").isdecimal() and (fraction or "0").isdecimal()):
        raise NotPlainError
    return float(text) if fraction.strip("0") else int(whole)


def as_read(value: Any) -> Any:
    """The value as DynamoDB returns it: a tuple as list, a whole float as int.

    :raises NotPlainError: it is no plain JSON value.
    """
    kind = type(value)
    if kind is dict:
        return {name: one if type(one) is str else as_read(one) for name, one in value.items()}
    if kind is str or kind is bool or value is None:
        return value
    if kind is list or kind is tuple:
        return [one if type(one) is str else as_read(one) for one in value]
    if kind is int or kind is float:
        return _number(str(value))
    raise NotPlainError
