"""
# Runbook: performance review

Every month: functions (p50, p95, p99 of the slowest day against the time-out, memory used against memory paid, with a
proposal, reserved and provisioned concurrency), state machines (durations, transitions), tables (writes of indexes, hot
keys), and how long each step of the waves took. It reads only.

- **Green**: every check is OK or a WARNING. **Red**: something is CRITICAL, or could not be read (UNKNOWN).
- Proposals are proposals: CPU comes with memory, so compare p95 before and after.
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
from migration_ops.runbook.checks.chapters import CHAPTERS, PERFORMANCE


@dag(
    dag_id="runbook_performance_review",
    schedule=from_now_on("41 5 2 * *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(hours=3),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 31),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_performance_review() -> None:
    reads, report = wire(CHAPTERS[PERFORMANCE], "Performance review", tables=TABLES)
    add_tables(CHAPTERS[PERFORMANCE], reads, report)


runbook_performance_review()
