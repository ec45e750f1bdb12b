"""The subset of DynamoDB's expressions that the ledger uses, compiled once per text.

Other expressions are refused: a schedule would prove nothing if this module read one differently from DynamoDB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

Item = dict[str, Any]


class Stored(dict[str, Any]):
    """An item in the table: it is never changed, only replaced."""


Names = Mapping[str, str]
Values = Mapping[str, Any]
Condition = Callable[[Item, Names, Values], bool]
Update = Callable[[Item, Names, Values], Item]

_TOKEN = re.compile(r"\s*(AND\b|OR\b|attribute_not_exists|#\w+|:\w+|[()=<,])")
# Names may be written as they are, or as #placeholders.
_ASSIGNMENT = re.compile(r"^(#?\w+) = (?:(:\w+)|if_not_exists\((#?\w+), (:\w+)\))$")


class ExpressionNotKnownError(ValueError):
    """The ledger uses an expression that the in-memory table does not know yet."""


@lru_cache(maxsize=256)
def condition_of(text: str) -> Condition:
    """:raises ExpressionNotKnownError: anything but ``=``, ``<``, attribute_not_exists, AND, OR and parentheses."""
    tokens, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionNotKnownError(text)
        tokens.append(match.group(1))
        position = match.end()
    parser = _Parser(tokens, text)
    found = parser.either()
    if parser.tokens:
        raise ExpressionNotKnownError(text)
    return found


class _Parser:
    def __init__(self, tokens: list[str], text: str) -> None:
        self.tokens, self._text = tokens, text

    def _next(self, wanted: str | None = None) -> str:
        if not self.tokens or (wanted is not None and self.tokens[0] != wanted):
            raise ExpressionNotKnownError(self._text)
        return self.tokens.pop(0)

    def _is_next(self, wanted: str) -> bool:
        return bool(self.tokens) and self.tokens[0] == wanted

    def either(self) -> Condition:
        parts = [self._both()]
        while self._is_next("OR"):
            self._next()
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else _any_of(parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._is_next("AND"):
            self._next()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else _all_of(parts)

    def _one(self) -> Condition:
        first = self._next()
        if first == "(":
            inner = self.either()
            self._next(")")
            return inner
        if first == "attribute_not_exists":
            self._next("(")
            name = self._next()
            self._next(")")
            return lambda item, names, values: names[name] not in item
        operator, value = self._next(), self._next()
        if not first.startswith("#") or not value.startswith(":") or operator not in "=<":
            raise ExpressionNotKnownError(self._text)
        return _compared(first, operator, value)


def _any_of(parts: list[Condition]) -> Condition:
    def holds(item: Item, names: Names, values: Values) -> bool:
        for one in parts:  # noqa: SIM110 - a generator costs more than what it asks
            if one(item, names, values):
                return True
        return False

    return holds


def _all_of(parts: list[Condition]) -> Condition:
    def holds(item: Item, names: Names, values: Values) -> bool:
        for one in parts:  # noqa: SIM110 - a generator costs more than what it asks
            if not one(item, names, values):
                return False
        return True

    return holds


def _compared(name: str, operator: str, value: str) -> Condition:
    """Compares an attribute with a value; false if the attribute is absent or of another type."""
    if operator == "=":

        def equal(item: Item, names: Names, values: Values) -> bool:
            left, right = item.get(names[name]), values[value]
            # Numbers are equal in other notations too.
            return bool(left == right or (left and "N" in left and _plain(left) == _plain(right)))

        return equal

    def less(item: Item, names: Names, values: Values) -> bool:
        left, right = _plain(item.get(names[name])), _plain(values[value])
        return left is not None and left[0] == right[0] and left[1] < right[1]

    return less


def _plain(attribute: dict[str, Any] | None) -> Any:
    """``("N", Decimal)`` or ``("S", text)``, so that numbers are compared by value."""
    if attribute is None:
        return None
    [(kind, value)] = attribute.items()
    return kind, Decimal(value) if kind == "N" else value


@lru_cache(maxsize=2048)
def update_of(text: str) -> Update:
    """:raises ExpressionNotKnownError: anything but ``SET`` (values, if_not_exists) and ``REMOVE``."""
    sets, _, removes = text.partition(" REMOVE ")
    if not sets.startswith("SET "):
        raise ExpressionNotKnownError(text)
    assigned = []
    for part in re.split(r", (?=#?\w+ = )", sets.removeprefix("SET ")):
        match = _ASSIGNMENT.match(part.strip())
        if match is None or (match.group(3) and match.group(3) != match.group(1)):
            raise ExpressionNotKnownError(text)
        assigned.append((match.group(1), match.group(2) or match.group(4), bool(match.group(3))))
    removed = [one.strip() for one in removes.split(",") if one.strip()]

    def update(item: Item, names: Names, values: Values) -> Item:
        new = Stored(item)
        for name, value, only_when_absent in assigned:
            attribute = names.get(name, name)
            if not (only_when_absent and attribute in item):
                new[attribute] = values[value]
        for name in removed:
            new.pop(names.get(name, name), None)
        return new

    return update
