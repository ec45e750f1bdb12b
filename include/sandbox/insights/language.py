"""The query language: text → commands. What is not known here is refused as malformed, never skipped.

Logs Insights QL, "Commands" and "Boolean, comparison, numeric, datetime, and other functions" of the user guide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from include.sandbox.insights.tokens import WORDS, Malformed, Tokens, unquoted

# A node is a tuple: its kind, then its parts.
Node = tuple[Any, ...]

COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")
MAX_ROWS = 10_000


@dataclass(frozen=True)
class Item:
    """A selected or computed column: its name in the result, and what it is."""

    name: str
    node: Node


@dataclass(frozen=True)
class Command:
    """One step of the pipeline."""

    name: str
    items: tuple[Item, ...] = ()
    by: tuple[Item, ...] = ()
    condition: Node | None = None
    order: tuple[tuple[Node, bool], ...] = ()
    number: int = 0


def parse(text: str) -> list[Command]:
    """:raises Malformed: it is no query, or one with parts that are not known here."""
    parser = _Parser(text)
    commands = [parser.command()]
    while parser.takes("|"):
        commands.append(parser.command())
    parser.ends()
    return commands


class _Parser(Tokens):
    """The grammar."""

    # Commands

    def command(self) -> Command:
        kind, text = self.next()
        name = text.lower()
        if kind != "name" or name not in _COMMANDS:
            raise Malformed(f"unknown command {text!r}")
        return _COMMANDS[name](self)

    def fields(self) -> Command:
        return Command("fields", items=tuple(self.items()))

    def display(self) -> Command:
        return Command("display", items=tuple(self.items()))

    def filter(self) -> Command:
        return Command("filter", condition=self.expression())

    def stats(self) -> Command:
        items = tuple(self.items())
        if any(one.node[0] == "field" for one in items):
            raise Malformed("stats takes aggregations, and arithmetic over their names")
        return Command("stats", items=items, by=tuple(self.items()) if self.takes("by") else ())

    def sort(self) -> Command:
        order = []
        while True:
            node = self.expression()
            is_descending = self.takes("desc")
            if not is_descending:
                self.takes("asc")
            order.append((node, is_descending))
            if not self.takes(","):
                return Command("sort", order=tuple(order))

    def limit(self) -> Command:
        number = int(self.number())
        if not 1 <= number <= MAX_ROWS:
            raise Malformed(f"limit must be 1 to {MAX_ROWS}")
        return Command("limit", number=number)

    def items(self) -> list[Item]:
        found = []
        while True:
            self.peek()
            start = self.at
            node = self.expression()
            name = self.text[start : self.at].strip().strip("`")
            if self.takes("as"):
                name = self.name()
            found.append(Item(name, node))
            if not self.takes(","):
                return found

    # Expressions, loosest first

    def expression(self) -> Node:
        left = self._conjunction()
        while self.takes("or"):
            left = ("or", left, self._conjunction())
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self.takes("and"):
            left = ("and", left, self._negation())
        return left

    def _negation(self) -> Node:
        return ("not", self._negation()) if self.takes("not") else self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        for sign in COMPARISONS:
            if self.takes(sign):
                return ("compare", sign, left, self._sum())
        if self.takes("=~"):
            return ("like", left, self.regex())
        is_negated = self.takes("not")
        found: Node | None = None
        if self.takes("like"):
            found = ("like", left, self.pattern())
        elif self.takes("in"):
            found = ("in", left, self._list())
        if found is None:
            if is_negated:
                raise Malformed("'like' or 'in' expected after 'not'")
            return left
        return ("not", found) if is_negated else found

    def _list(self) -> list[Node]:
        self.needs("[")
        found = [self._sum()]
        while self.takes(","):
            found.append(self._sum())
        self.needs("]")
        return found

    def _sum(self) -> Node:
        left = self._product()
        while True:
            sign = next((one for one in "+-" if self.takes(one)), None)
            if sign is None:
                return left
            left = ("arithmetic", sign, left, self._product())

    def _product(self) -> Node:
        left = self._atom()
        while True:
            sign = next((one for one in "*/%" if self.takes(one)), None)
            if sign is None:
                return left
            left = ("arithmetic", sign, left, self._atom())

    def _atom(self) -> Node:
        if self.takes("("):
            inner = self.expression()
            self.needs(")")
            return inner
        if self.takes("-"):
            return ("arithmetic", "-", ("value", 0.0), self._atom())
        kind, text = self.next()
        if kind == "string":
            return ("value", unquoted(text))
        if kind == "number":
            return self._number_or_period(text)
        if kind == "quoted":
            return ("field", text.strip("`"))
        if kind != "name" or text.lower() in WORDS:
            raise Malformed(f"unexpected {text or 'end'!r}")
        return self._call(text.lower()) if self.takes("(") else ("field", text)

    def _number_or_period(self, text: str) -> Node:
        unit = self.period_unit()
        return ("value", float(text)) if unit is None else ("period", float(text) * unit)

    def _call(self, name: str) -> Node:
        arguments: list[Node] = []
        if self.takes("*"):
            arguments.append(("everything",))
        elif self.peek()[1] != ")":
            arguments.append(self.expression())
            while self.takes(","):
                arguments.append(self.expression())
        self.needs(")")
        return ("call", name, arguments)


_COMMANDS = {
    "fields": _Parser.fields,
    "display": _Parser.display,
    "filter": _Parser.filter,
    "stats": _Parser.stats,
    "sort": _Parser.sort,
    "limit": _Parser.limit,
}
