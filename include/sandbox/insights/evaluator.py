"""Runs a query over events: one command after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from include.sandbox.insights.events import Event
from include.sandbox.insights.language import MAX_ROWS, Command, Item, Node
from include.sandbox.insights.tokens import Malformed
from include.sandbox.insights.values import Time, Value, evaluate, number, written

Rows = list[Event]
_DEFAULT_COLUMNS = ("@timestamp", "@message")


@dataclass
class Answer:
    """Rows as GetQueryResults gives them, and how many events were looked at and matched."""

    rows: list[dict[str, str]]
    scanned: int
    matched: int


def run(commands: list[Command], events: Iterable[Event]) -> Answer:
    """
    The answer to a query. ``fields`` before ``stats`` is dead, as in AWS: afterwards there is only what stats made.

    :raises Malformed: a function that is not known here, or one where it cannot stand.
    """
    rows = list(events)
    scanned, matched = len(rows), len(rows)
    columns: list[str] | None = None
    is_counted = False
    for command in commands:
        if command.name == "filter":
            rows = [row for row in rows if _of_row(command.condition or (), row)]
            matched = matched if is_counted else len(rows)
        elif command.name == "stats":
            rows, columns, is_counted = (
                _grouped(command, rows),
                [one.name for one in (*command.by, *command.items)],
                True,
            )
        elif command.name in ("fields", "display"):
            rows = [row | {one.name: _of_row(one.node, row) for one in command.items} for row in rows]
            names = [one.name for one in command.items]
            columns = names if command.name == "display" or columns is None else [*columns, *names]
        elif command.name == "sort":
            rows = _sorted(command, rows)
        else:
            rows = rows[: command.number]
    shown = list(columns or _DEFAULT_COLUMNS)
    if not is_counted:
        shown.append("@ptr")
    found = [{name: written(row[name]) for name in shown if row.get(name) is not None} for row in rows[:MAX_ROWS]]
    return Answer(found, scanned, matched)


def check(commands: list[Command]) -> None:
    """:raises Malformed: the query would fail on any event."""
    run(commands, [{"@timestamp": Time(0), "@message": "", "@ptr": "0"}])


def _sorted(command: Command, rows: Rows) -> Rows:
    for node, is_descending in reversed(command.order):
        keyed = [(_of_row(node, row), row) for row in rows]
        there = [(_key(value), row) for value, row in keyed if value is not None]
        there.sort(key=lambda one: one[0], reverse=is_descending)
        rows = [row for _, row in there] + [row for value, row in keyed if value is None]
    return rows


def _key(value: Value) -> tuple[int, Any]:
    plain = number(value)
    return (0, plain) if plain is not None else (1, written(value))


def _of_row(node: Node, row: Event) -> Value:
    def call(name: str, arguments: list[Node]) -> Value:
        if name == "bin":
            return _bin(arguments, row)
        if name not in _SCALARS:
            raise Malformed(f"function {name} is not known, or cannot stand here")
        return _SCALARS[name]([_of_row(one, row) for one in arguments])

    return evaluate(node, row.get, call)


def _bin(arguments: list[Node], row: Event) -> Value:
    if len(arguments) != 1 or arguments[0][0] != "period" or arguments[0][1] <= 0:
        raise Malformed("bin takes one period, for example 5m")
    at = row.get("@timestamp")
    return Time(int(at) // int(arguments[0][1]) * int(arguments[0][1])) if at is not None else None


def _grouped(command: Command, rows: Rows) -> Rows:
    groups: dict[tuple[Value, ...], Rows] = {}
    for row in rows:
        groups.setdefault(tuple(_of_row(one.node, row) for one in command.by), []).append(row)
    if not groups and not command.by:
        groups[()] = []
    return [
        _summary(command.items, dict(zip([one.name for one in command.by], key, strict=True)), some)
        for key, some in groups.items()
    ]


def _summary(items: tuple[Item, ...], row: Event, rows: Rows) -> Event:
    """One row of ``stats``; a later item may use an earlier one's name."""

    def call(name: str, arguments: list[Node]) -> Value:
        if name not in AGGREGATES:
            raise Malformed(f"{name} is no aggregation known here")
        return AGGREGATES[name](arguments, rows)

    found = dict(row)
    for item in items:
        found[item.name] = evaluate(item.node, found.get, call)
    return found


def _values(arguments: list[Node], rows: Rows) -> list[Value]:
    """The first argument's values, of the rows that have it; of ``*`` every row."""
    if not arguments or arguments[0][0] == "everything":
        return [True] * len(rows)
    return [value for row in rows for value in [_of_row(arguments[0], row)] if value is not None]


def _numbers(arguments: list[Node], rows: Rows) -> list[float]:
    return [plain for value in _values(arguments, rows) for plain in [number(value)] if plain is not None]


def _over_numbers(fold: Callable[[list[float]], float]) -> Callable[[list[Node], Rows], Value]:
    def folded(arguments: list[Node], rows: Rows) -> Value:
        found = _numbers(arguments, rows)
        return fold(found) if found else None

    return folded


def _by_time(position: int) -> Callable[[list[Node], Rows], Value]:
    def picked(arguments: list[Node], rows: Rows) -> Value:
        there = [row for row in rows if _of_row(arguments[0], row) is not None]
        there.sort(key=lambda row: number(row.get("@timestamp")) or 0)
        return _of_row(arguments[0], there[position]) if there else None

    return picked


def _percentile(arguments: list[Node], rows: Rows) -> Value:
    if len(arguments) != 2 or arguments[1][0] != "value":
        raise Malformed("pct takes a field and a percentage")
    found = sorted(_numbers(arguments, rows))
    if not found:
        return None
    return found[min(len(found) - 1, int(len(found) * float(arguments[1][1]) / 100))]


AGGREGATES: dict[str, Callable[[list[Node], Rows], Value]] = {
    "count": lambda arguments, rows: len(_values(arguments, rows)),
    "count_distinct": lambda arguments, rows: len({written(one) for one in _values(arguments, rows)}),
    "sum": _over_numbers(sum),
    "avg": _over_numbers(lambda some: sum(some) / len(some)),
    "min": _over_numbers(min),
    "max": _over_numbers(max),
    "pct": _percentile,
    "earliest": _by_time(0),
    "latest": _by_time(-1),
}
_SCALARS: dict[str, Callable[[list[Value]], Value]] = {
    "ispresent": lambda some: some[0] is not None,
    "coalesce": lambda some: next((one for one in some if one is not None), None),
}
