"""Tables of the weekly review beside its findings: how migrations ended, costs, packages with newer versions."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Snapshot
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.reports.tables import MakeTables, Table

SHOWN_SERVICES, SHOWN_PACKAGES = 15, 100


def _ended(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    totals = estate.path("ledger_outcomes.totals")
    now, before = totals["now"], totals["before"]
    rows = [[status, before[status], now[status]] for status in now]
    ended = [sum(one[status] for status in one) for one in (before, now)]
    rows.append(["all", *ended])
    rows.append(["completed, percent", *(_percent(one["COMPLETED"], sum(one.values())) for one in (before, now))])
    yield {"title": "How migrations ended", "head": ["Status", "Window before", "This window"], "rows": rows}


def _percent(part: int, whole: int) -> float | None:
    """None when there is nothing to divide by."""
    return round(100 * part / whole, 1) if whole else None


def _costs(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    until = estate.path("cost_week.until")
    services = sorted(estate.path("cost_week.services"), key=lambda one: float(one["now"]), reverse=True)
    rows = [[one["name"], one["currency"], one["before"], one["now"]] for one in services[:SHOWN_SERVICES]]
    left = services[SHOWN_SERVICES:]
    if left:
        rows.append(
            [f"{len(left)} more", None, *(round(sum(one[key] for one in left), 2) for key in ("before", "now"))]
        )
    head = ["Service", "Currency", "Seven days before", f"Seven days until {until}"]
    yield {"title": "Cost by service", "head": head, "rows": rows}


def _outdated(estate: Snapshot, _: Thresholds) -> Iterator[Table]:
    for index in estate.path("dependencies.indexes"):
        outdated = index["outdated"]
        rows = [[one["name"], one["installed"], one["latest"]] for one in outdated[:SHOWN_PACKAGES]]
        if len(outdated) > SHOWN_PACKAGES:
            rows.append([f"{len(outdated) - SHOWN_PACKAGES} more", None, None])
        yield {"title": "Packages with newer versions", "head": ["Package", "Installed", "Newest"], "rows": rows}


TABLES: dict[str, MakeTables] = {
    "How migrations ended": _ended,
    "Cost by service": _costs,
    "Packages with newer versions": _outdated,
}
