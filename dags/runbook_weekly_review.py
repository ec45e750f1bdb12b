"""
# Runbook: weekly review

Every Monday: how the migrations of the week ended (success rate, errors, durations), what was spent against the week
before, and the Python packages against their lock, the index and known vulnerabilities. It reads only: **nothing is
upgraded in place**. Cost Explorer charges $0.01 for the run.

- **Green**: every check is OK or a WARNING. **Red**: something is CRITICAL, or could not be read (UNKNOWN).
- A package index that cannot be reached makes `packages_outdated` UNKNOWN, not OK.
- The tasks `check` are named after their checks; a red one says why in its log, and what to do.
- *To look again*: clear a check; it reads its services again. Clear it **with downstream** for a new report.
- The report: task `report` (Markdown), and HTML, Markdown and JSON by date in the evidence bucket.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.chapter import wire
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.tables import TABLES, add_tables
from migration_ops.runbook.checks.chapters import CHAPTERS, WEEKLY


@dag(
    dag_id="runbook_weekly_review",
    schedule=from_now_on("23 5 * * 1"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(hours=2),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 7),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_weekly_review() -> None:
    reads, report = wire(CHAPTERS[WEEKLY], "Weekly review", tables=TABLES)
    add_tables(CHAPTERS[WEEKLY], reads, report)


runbook_weekly_review()
