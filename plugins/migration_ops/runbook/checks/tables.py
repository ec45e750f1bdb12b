"""The tables and charts of each chapter's report."""

from __future__ import annotations

from migration_ops.core.facts import Snapshot
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks import capacity_tables, cost_tables, performance_tables, weekly_tables
from migration_ops.runbook.checks.chapters import CAPACITY, COST, PERFORMANCE, WEEKLY
from migration_ops.runbook.reports.tables import Table, made

TABLES = {
    CAPACITY: capacity_tables.TABLES,
    COST: cost_tables.TABLES,
    PERFORMANCE: performance_tables.TABLES,
    WEEKLY: weekly_tables.TABLES,
}


def tables_of(chapter: str, estate: Snapshot, limits: Thresholds) -> list[Table]:
    """All tables of the chapter, in order; one whose data could not be read says so."""
    return [table for title, make in TABLES[chapter].items() for table in made(title, make, estate, limits)]
