"""The map as docs/coverage.md prints it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.coverage_map.cells import EACH, Cell, Kind
from tests.coverage_map.rows import rows

_HEAD = """# Which test holds what

Printed by `python -m tests.coverage_map > docs/coverage.md` from `tests/coverage_map/map.yaml`; do not edit.
`tests/coverage_map/` keeps it true: each row comes from a registry of the code, each test exists and speaks of its
row, and a test that stands for all rows of a kind has each of them among its parameters. A cell without a test says
why.
"""


def page(kinds: Mapping[str, Kind]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, _summary(kinds), *(_section(one) for one in kinds.values())])


def _summary(kinds: Mapping[str, Kind]) -> str:
    lines = ["| Kind | Rows | Cells with a test | Cells that say why not |", "|---|---|---|---|"]
    for kind in kinds.values():
        names = rows()[kind.name]
        tally = Counter(bool(kind.cell(row, column).path) for row in names for column in kind.columns)
        lines.append(f"| [{kind.name}](#{kind.name}) | {len(names)} | {tally[True]} | {tally[False]} |")
    return "\n".join([*lines, ""])


def _section(kind: Kind) -> str:
    lines = [f"## {kind.name.capitalize()}", ""]
    lines += [f"- **{name}**: {meaning}" for name, meaning in kind.columns.items()]
    lines += [f"- no column *{name}*: {why}" for name, why in kind.without.items()]
    if EACH in kind.rows:
        title = "Each that has no other test below" if len(kind.rows) > 1 else f"Each of the {len(rows()[kind.name])}"
        lines += ["", f"### {title}", "", *_lines(kind, EACH)]
    for row in rows()[kind.name]:
        if row in kind.rows:
            lines += ["", f"### `{row}`", "", *_lines(kind, row)]
    return "\n".join([*lines, ""])


def _lines(kind: Kind, row: str) -> list[str]:
    cells = {column: kind.rows[row][column] for column in kind.columns if column in kind.rows[row]}
    named = [f"- {column}: {_linked(cell)}" for column, cell in cells.items() if cell.path]
    # What has no test comes last; columns with one reason share a line.
    reasons: dict[str, list[str]] = {}
    for column, cell in cells.items():
        if not cell.path:
            reasons.setdefault(cell.reason, []).append(column)
    return named + [f"- {', '.join(columns)}: no test, {reason}" for reason, columns in reasons.items()]


def _linked(cell: Cell) -> str:
    via = f", through `{cell.via}`" if cell.via else ""
    return f"[`{cell.name}{cell.parameters}`](../{cell.path}){via}"
