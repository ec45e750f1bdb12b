"""
# Runbook: security audit

Once a month: roles, keys and secrets; secrets where none belong (variables, definitions, documents, log lines); who
gets access through policies and URLs; runtimes, encryption and recovery of functions, queues, topics, buses, ledger and
buckets; migrated servers. It reads only, and never a secret's value or an object.

- **Green**: every check is OK or a WARNING. **Red**: something is CRITICAL, or could not be read (UNKNOWN).
- `prowlerReport` and `securityHub` take over findings of other scanners; what is malformed there is UNKNOWN.
- The tasks `check` are named after their checks; a red one says why in its log, and what to do.
- *To look again*: clear a check; it reads its services again. Clear it **with downstream** for a new report.
- The report: task `report` (Markdown), and HTML, Markdown and JSON by date in the evidence bucket.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag

from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.security import ingest_params, wire_security
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.runbook.checks.chapters import AUDIT, CHAPTERS


@dag(
    dag_id="runbook_security_audit",
    schedule=from_now_on("37 4 3 * *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(hours=3),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 31, **ingest_params()),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_security_audit() -> None:
    wire_security("Security audit", [CHAPTERS[AUDIT]])


runbook_security_audit()
