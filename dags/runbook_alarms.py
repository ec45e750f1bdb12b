"""
# Runbook: alarms

Compares the CloudWatch alarms of the runbook's table with those that exist. By default it only shows the differences;
**trigger it with `dryRun` false to put them right**: missing and drifted ones are put, those of ours that nothing needs
any more are deleted, and all is read back.

- A task `alarms` for each kind of alarm. **Red**: an alarm that would page is missing, drifted or silenced, something
  could not be read (UNKNOWN), or AWS refused a change.
- Ours are alarms whose name begins with `migration-ops/` *and* that carry this installation's tag. Others are never
  touched. Actions that somebody disabled stay disabled, and are reported.
- *To try again*: clear the task of the kind **with downstream**; doing it twice changes nothing.
- **Alarms on replication lag live with their wave**: scheduled runs (every two hours) make one for each server on its
  way whose first sync is over, and delete it after the cutover, also when `dryRun` is true.
- Until somebody has applied alarms here, scheduled runs say so in one WARNING a kind, and are green.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from migration_ops.operators.base import doc_of
from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.alarms import AlarmsOperator
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.sources import MappedTask
from migration_ops.operators.runbook.tail import tail
from migration_ops.runbook.alarms.findings import ALARMS, finding_kind
from migration_ops.runbook.alarms.wanted import KINDS

WORK = "alarms"
DRY_RUN = Param(True, type="boolean", title="Dry run", description="Show what differs, change nothing")


@dag(
    dag_id="runbook_alarms",
    schedule=from_now_on("41 */2 * * *"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    default_args=default_args(),
    params=runbook_params(window_hours=24, dryRun=DRY_RUN),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_alarms() -> None:
    alarms = AlarmsOperator.partial(
        task_id=WORK, map_index_template="{{ task.kind }}", doc_md=doc_of(AlarmsOperator)
    ).expand(kind=list(KINDS))
    tail(alarms, "Alarms", [MappedTask(WORK, kind_of=finding_kind, whole=ALARMS, names=KINDS)])


runbook_alarms()
