"""Values and expressions of a query: what a field is, what a comparison says, how a result is written."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from include.sandbox.insights.language import Node
from include.sandbox.insights.tokens import Malformed

Value = str | float | int | bool | None
Lookup = Callable[[str], Value]

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Time(int):
    """Milliseconds since 1970 that are written as a time."""


def evaluate(node: Node, lookup: Lookup, call: Callable[[str, list[Node]], Value]) -> Value:
    """The value of an expression.

    :param lookup: a field's value by name; None when the event has none of it.
    :param call: the value of a function.
    :raises Malformed: a part that has no meaning here.
    """

    def value(part: Node) -> Value:
        return evaluate(part, lookup, call)

    kind = node[0]
    if kind == "value":
        return node[1]
    if kind == "field":
        return lookup(node[1])
    if kind == "call":
        return call(node[1], node[2])
    if kind not in _OPERATIONS:
        raise Malformed(f"{kind} cannot stand here")
    return _OPERATIONS[kind](value, *node[1:])


def compare(sign: str, left: Value, right: Value) -> bool:
    """As numbers when both are, else as text. Nothing compares with a field that an event does not have."""
    if left is None or right is None:
        return False
    numbers = number(left), number(right)
    if None not in numbers:
        return _SIGNS[sign](*numbers)
    return _SIGNS[sign](written(left), written(right))


def number(value: Value) -> float | None:
    """The value as a number, None when it is none."""
    if value is None or isinstance(value, bool):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _arithmetic(sign: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or (sign in "/%" and right == 0):
        return None
    signs: dict[str, Callable[[float, float], float]] = {
        "+": operator.add,
        "-": operator.sub,
        "*": operator.mul,
        "/": operator.truediv,
        "%": operator.mod,
    }
    return signs[sign](left, right)


def written(value: Value) -> str:
    """As GetQueryResults writes it: everything is text."""
    if isinstance(value, Time):
        moment = datetime.fromtimestamp(value / 1000, UTC)
        return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, (int, float)):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return str(value)


def _like(value: Callable[[Node], Value], part: Node, pattern: Any) -> bool:
    text = value(part)
    return text is not None and pattern.search(written(text)) is not None


# By kind of node: the value of a node's parts, then the parts.
_OPERATIONS: dict[str, Callable[..., Value]] = {
    "and": lambda value, left, right: bool(value(left)) and bool(value(right)),
    "or": lambda value, left, right: bool(value(left)) or bool(value(right)),
    "not": lambda value, part: not value(part),
    "compare": lambda value, sign, left, right: compare(sign, value(left), value(right)),
    "like": _like,
    "in": lambda value, part, listed: any(compare("=", value(part), value(one)) for one in listed),
    "arithmetic": lambda value, sign, left, right: _arithmetic(sign, number(value(left)), number(value(right))),
}
