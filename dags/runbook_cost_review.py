"""
# Runbook: cost review

Every month, on the 8th, when Cost Explorer's last month has settled: cost by service, by the cost tag and by kind of
data transfer against the month before, what MGN left over, what is idle, tables in the wrong billing mode. It reads
only: nothing is deleted. Cost Explorer charges $0.01 a request, about $0.03 a run.

- **Green**: every check is OK or a WARNING. **Red**: something is CRITICAL, or could not be read (UNKNOWN).
- The window is for the tables' consumption; costs are always those of the last two whole months.
- The tasks `check` are named after their checks; a red one says why in its log, and what to do.
- *To look again*: clear a check; it reads its services again. Clear it **with downstream** for a new report; clear
  `read` with downstream for new tables too.
- The report: task `report` (Markdown), and HTML, Markdown and JSON by date in the evidence bucket.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.chapter import wire
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.tables import TABLES, add_tables
from migration_ops.runbook.checks.chapters import CHAPTERS, COST


@dag(
    dag_id="runbook_cost_review",
    schedule=from_now_on("43 5 8 * *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(hours=3),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 31),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_cost_review() -> None:
    reads, report = wire(CHAPTERS[COST], "Cost review", tables=TABLES)
    add_tables(CHAPTERS[COST], reads, report)


runbook_cost_review()
