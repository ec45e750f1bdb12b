"""
# Runbook: health check

Every two hours: queues, functions, executions, events, the ledger, replication, alarms and this Airflow. It reads only.

- **Green**: every check is OK or a WARNING. **Red**: something is CRITICAL, or could not be read (UNKNOWN).
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
from migration_ops.runbook.checks.chapters import CHAPTERS, HEALTH


@dag(
    dag_id="runbook_health_check",
    schedule=from_now_on("17 */2 * * *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(hours=1),
    default_args=default_args(),
    params=runbook_params(window_hours=2),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_health_check() -> None:
    wire(CHAPTERS[HEALTH], "Health check")


runbook_health_check()
