"""Further tables and charts of a chapter's report: ``migration_ops/runbook/<chapter>/tables.py`` makes them. Pure."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

from migration_ops.core.facts import Facts, NotRead
from migration_ops.core.thresholds import Thresholds

# ``{"title", "head", "rows"}``, and ``"chart"`` (see ``charts``).
Table = dict[str, Any]
MakeTables = Callable[[Facts, Thresholds], Iterable[Table]]


def tables_of(chapter: str, estate: Facts, limits: Thresholds) -> list[Table]:
    """All tables of the chapter, in order; one whose facts could not be read says so."""
    parts: dict[str, MakeTables] = importlib.import_module(f"migration_ops.runbook.{chapter}.tables").TABLES
    return [table for title, make in parts.items() for table in _made(title, make, estate, limits)]


def _made(title: str, make: MakeTables, estate: Facts, limits: Thresholds) -> list[Table]:
    try:
        return list(make(estate, limits))
    except NotRead as error:
        return [{"title": title, "head": ["Could not be read"], "rows": [[error.message]]}]


def each_row(things: Iterable[Facts], row: Callable[[Facts], list[Any]]) -> list[list[Any]]:
    """A row of each; of one that could not be read its name and why."""
    found = []
    for thing in things:
        try:
            found.append(row(thing))
        except NotRead as error:
            found.append([thing.maybe("name", "*"), error.message])
    width = max((len(one) for one in found), default=0)
    return [one + [None] * (width - len(one)) for one in found]
