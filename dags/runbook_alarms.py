"""
# Runbook: alarms

Which CloudWatch alarms of the runbook's table must be there, and how those that are there differ. By itself it only
shows; **trigger it with `dryRun` false to put them right**: missing and drifted ones are put, those of ours that
nothing wants any more are deleted, and all is read back.

- A task `alarms` for each kind of alarm. **Red**: an alarm that would page is missing, drifted or silenced, something
  could not be read (UNKNOWN), or AWS refused a change.
- Ours are alarms whose name begins with `migration-ops/` *and* that carry this installation's tag. Others are never
  touched. Actions that somebody disabled stay disabled, and are reported.
- *To try again*: clear the task of the kind **with downstream**; doing it twice changes nothing.
- Run it by hand when a wave begins and when it has ended: each server on its way has an alarm on its replication lag.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, TriggerRule, chain, dag

from migration_ops.operators.base import CompleteOperator, doc_of
from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.alarms import AlarmsOperator
from migration_ops.operators.runbook.chapter import REPORT, TellOperator
from migration_ops.operators.runbook.report import MappedReportOperator
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.runbook.alarms.findings import SECTION
from migration_ops.runbook.alarms.wanted import KINDS

TITLE, WORK = "Alarms", "alarms"
DRY_RUN = Param(True, type="boolean", title="Dry run", description="Show what differs, change nothing")


@dag(
    dag_id="runbook_alarms",
    schedule=from_now_on("41 5 * * *"),
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
    report = MappedReportOperator(
        task_id=REPORT,
        title=TITLE,
        work=WORK,
        names=list(KINDS),
        check_prefix="alarm_",
        section=SECTION,
        trigger_rule=TriggerRule.ALL_DONE,
    )
    tell = TellOperator(task_id="tell", title=TITLE, trigger_rule=TriggerRule.ALL_DONE)
    complete = CompleteOperator(task_id="all_well", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    chain(alarms, report, tell)
    chain([alarms, report], complete)


runbook_alarms()
