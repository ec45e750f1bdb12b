"""The cells of the map: a test, or the reason why there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

COLUMNS = ("happy", "refused", "lost answer", "killed", "cleared", "dry run")
# For all rows of a kind that have no cell of their own in a column.
EACH = "*"
_NO_TEST = re.compile(r"-: (?P<reason>.+)", re.DOTALL)
_TEST = re.compile(r"(?P<path>tests/[\w/]+\.py)::(?P<name>[\w:]+)(?P<parameters>\[.+\])?(?: via (?P<via>[\w/.:]+))?")
_PLACEHOLDERS = frozenset({"todo", "tbd", "fixme", "later"})
LEAST_WORDS = 3


@dataclass(frozen=True)
class Cell:
    """
    One cell.

    :param path: file of the test, from the root of the repository; empty where there is no test.
    :param name: of the test; ``Class::test`` for a method.
    :param parameters: in brackets, as pytest has them; empty for all of them.
    :param via: ``path`` or ``path::name``: through which the test reaches the row when it does not name it.
    :param reason: why there is no test.
    """

    path: str = ""
    name: str = ""
    parameters: str = ""
    via: str = ""
    reason: str = ""

    @property
    def node_id(self) -> str:
        return f"{self.path}::{self.name}{self.parameters}"


@dataclass(frozen=True)
class Kind:
    """
    One table of the map.

    :param columns: what each column means here.
    :param without: columns that say nothing here, and why.
    """

    name: str
    columns: Mapping[str, str]
    without: Mapping[str, str]
    rows: Mapping[str, Mapping[str, Cell]]

    def cell(self, row: str, column: str) -> Cell:
        """:raises KeyError: the row has none."""
        own = self.rows.get(row, {})
        return own[column] if column in own else self.rows.get(EACH, {})[column]

    def shared(self, column: str, names: Iterable[str]) -> set[str]:
        """Those of these rows that have no cell of their own in the column."""
        return {name for name in names if column not in self.rows.get(name, {})}


def parse(text: str) -> Cell:
    """:raises ValueError: it is neither the id of a test nor a reason."""
    if found := _NO_TEST.fullmatch(text.strip()):
        return Cell(reason=reason_of(found["reason"]))
    if found := _TEST.fullmatch(" ".join(text.split())):
        return Cell(found["path"], found["name"], found["parameters"] or "", found["via"] or "")
    raise ValueError(f"neither the id of a test nor '-: reason': {text!r}")


def reason_of(text: str) -> str:
    """:raises ValueError: it says nothing."""
    words = text.split()
    if len(words) < LEAST_WORDS or _PLACEHOLDERS & {one.strip(".,:").lower() for one in words}:
        raise ValueError(f"no reason: {text!r}")
    return " ".join(words)


@cache
def read_map() -> dict[str, Kind]:
    """The map as it stands in ``map.yaml``."""
    document = yaml.safe_load(Path(__file__).with_name("map.yaml").read_text(encoding="utf-8"))
    return {name: _kind(name, one) for name, one in document.items()}


def _kind(name: str, document: Mapping[str, Any]) -> Kind:
    rows = {row: {column: parse(one) for column, one in cells.items()} for row, cells in document["rows"].items()}
    without = {column: reason_of(why) for column, why in (document.get("without") or {}).items()}
    return Kind(name, document["columns"], without, rows)


def cells_with_tests(kinds: Mapping[str, Kind]) -> Iterator[tuple[str, str, str, Cell]]:
    """Kind, row, column and cell of each cell that names a test."""
    for kind in kinds.values():
        for row, cells in kind.rows.items():
            for column, cell in cells.items():
                if cell.path:
                    yield kind.name, row, column, cell
