"""Tables of the cost review beside its findings: the last whole month and the one before, largest first."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from migration_ops.core.facts import Snapshot
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.reports.tables import MakeTables, Table

SHOWN, LABEL_CHARACTERS = 15, 14


def _costs(about: str, what: str, estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    months = estate.path("cost_explorer.months")
    entries = sorted(estate.path(f"cost_explorer.{about}"), key=lambda one: float(one["now"]), reverse=True)
    rows = [_row(one) for one in entries[:SHOWN]]
    if len(entries) > SHOWN:
        left = entries[SHOWN:]
        rows.append(
            [f"{len(left)} more", *(round(sum(one[key] for one in left), 2) for key in ("before", "now")), None]
        )
    points = [[_label(one["name"]), one["now"]] for one in entries[:SHOWN] if one["now"] > 0]
    yield {
        "title": f"Cost by {what}",
        "head": [what.capitalize(), f"{months[0][:7]}", f"{months[1][:7]}", "By day, percent"],
        "rows": rows,
        "chart": {
            "kind": "bar",
            "unit": entries[0]["currency"] if entries else "",
            "series": [{"name": months[1][:7], "points": points}],
            "leftOut": max(0, len(entries) - SHOWN),
        },
    }


def _label(name: str) -> str:
    """Short enough to stand below a bar."""
    return name.removeprefix("Amazon ").removeprefix("AWS ")[:LABEL_CHARACTERS]


def _row(entry: Snapshot) -> list[Any]:
    before = entry["before"] / entry["daysBefore"]
    growth = round(100 * (entry["now"] / entry["daysNow"] / before - 1), 1) + 0.0 if before > 0 else "new"
    return [entry["name"], entry["before"], entry["now"], growth]


TABLES: dict[str, MakeTables] = {
    "Cost by service": partial(_costs, "services", "service"),
    "Cost by tag": partial(_costs, "tags", "tag"),
    "Data transfer": partial(_costs, "transfer", "usage type of transfer"),
}
