"""
# Runbook: capacity plan

Every quarter: what grows (migrations, the evidence bucket, logs), how much of each quota is used, and when each is
reached, as a range of dates. A forecast is a straight line through whole weeks, with its error band. It reads only.

- **Green**: every check is OK or a WARNING. **Red**: something is CRITICAL, or could not be read (UNKNOWN).
- Too few weeks to draw a line through are UNKNOWN, not OK: `capacity` in `thresholds.yaml` says how many it takes.
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
from migration_ops.runbook.checks.chapters import CAPACITY, CHAPTERS


@dag(
    dag_id="runbook_capacity_plan",
    schedule=from_now_on("47 5 3 1,4,7,10 *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(hours=3),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 92),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_capacity_plan() -> None:
    reads, report = wire(CHAPTERS[CAPACITY], "Capacity plan", tables=TABLES)
    add_tables(CHAPTERS[CAPACITY], reads, report)


runbook_capacity_plan()
