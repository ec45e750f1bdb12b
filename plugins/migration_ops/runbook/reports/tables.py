"""How further tables and charts of a report are made. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from migration_ops.core.facts import NotReadError, Snapshot
from migration_ops.core.thresholds import Thresholds

# ``{"title", "head", "rows"}``, and ``"chart"`` (see ``charts``).
Table = dict[str, Any]
MakeTables = Callable[[Snapshot, Thresholds], Iterable[Table]]


def made(title: str, make: MakeTables, estate: Snapshot, limits: Thresholds) -> list[Table]:
    """The tables of ``make``; one that gives the reason when its data could not be read."""
    try:
        return list(make(estate, limits))
    except NotReadError as error:
        return [{"title": title, "head": ["Could not be read"], "rows": [[error.message]]}]


def each_row(things: Iterable[Snapshot], row: Callable[[Snapshot], list[Any]]) -> list[list[Any]]:
    """A row per thing; for one that could not be read its name and the reason."""
    found = []
    for thing in things:
        try:
            found.append(row(thing))
        except NotReadError as error:
            found.append([thing.optional("name", "*"), error.message])
    width = max((len(one) for one in found), default=0)
    return [one + [None] * (width - len(one)) for one in found]
