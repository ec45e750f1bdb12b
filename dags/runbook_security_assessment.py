"""
# Runbook: security assessment

Once a quarter: the whole security audit with the Lambda runtimes, known vulnerabilities of our Python packages, and the
compliance checklist (`include/config/compliance.yaml`), which people sign with the findings before them. It reads only.

- **Green**: every check is OK or a WARNING, and every item was signed off. **Red**: something is CRITICAL, could not be
  read (UNKNOWN), is not done, or nobody answered in time: silence signs nothing off.
- `report` and `notify` come first; then people are asked, and `signed_report` adds who signed what, when, and on which
  evidence.
- The scan of the packages is a report of `pip-audit --format json` in the evidence bucket under
  `runbook/inbox/advisories.json` (or where `advisoriesReport` says), else `pip-audit` is run where it is installed.
- The questions are under *Required Actions* of the run and of each task `sign_off`, named after its item.
- *To look again*: clear a check **with downstream**: all is asked again, with the new findings. *To be asked again*:
  clear that `sign_off` **with downstream**.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.security import ingest_params, wire_security
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.runbook.checks.chapters import ASSESSMENT, AUDIT, CHAPTERS
from migration_ops.runbook.scanners.advisories import PARAM

SCAN = Param(
    None,
    type=["string", "null"],
    title="Scan of packages",
    description="Key in the evidence bucket, or path on the worker, of a pip-audit or OSV report; empty: the usual key",
)


@dag(
    dag_id="runbook_security_assessment",
    schedule=from_now_on("53 4 9 1,4,7,10 *"),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    dagrun_timeout=timedelta(days=31),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 92, **ingest_params(), **{PARAM: SCAN}),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_security_assessment() -> None:
    wire_security("Security assessment", [CHAPTERS[AUDIT], CHAPTERS[ASSESSMENT]], checklist="compliance.yaml")


runbook_security_assessment()
