"""
# Restore a backup of the ledger

Into a **new** table, never into one that exists, and never into the live one. Then number, digest and the history of
every migration are compared.

- **`dryRun` is true by default**: the run finds the backup, looks at the target, and changes nothing.
- `backup`: the key of a manifest; empty for the latest verified one. `target`: the new table; empty for a name with
  the backup's time.
- *To retry*: clear the failed task **with downstream**. It goes on in the table that this run made.
- What a restore does not bring back, as with AWS's own: time to live, point-in-time recovery, deletion protection,
  streams, tags, alarms. To use the table: set these, stop the waves, then set `MIGRATION_OPS_TABLE_NAME`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, TriggerRule, chain, dag

from migration_ops.operators.backup.base import PLAN, GatheredReportOperator
from migration_ops.operators.backup.restore import (
    CREATE,
    CompareOperator,
    CreateTargetOperator,
    LoadOperator,
    RestorePlanOperator,
    TableSensor,
)
from migration_ops.operators.base import CompleteOperator
from migration_ops.operators.defaults import Tag, default_args
from migration_ops.operators.runbook.chapter import REPORT, TellOperator
from migration_ops.operators.runbook.services import runbook_params

TITLE = "Restore of the ledger"
PARAMS = {
    "backup": Param(
        None, type=["string", "null"], title="Backup", description="Key of its manifest; empty: the latest verified"
    ),
    "target": Param(
        None,
        type=["string", "null"],
        pattern="^[A-Za-z0-9_.-]{3,255}$",
        title="New table",
        description="Must not exist; empty: a name with the backup's time",
    ),
    "dryRun": Param(True, type="boolean", title="Dry run", description="Find the backup, create nothing"),
}


@dag(
    dag_id="migration_restore",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=4,
    dagrun_timeout=timedelta(hours=12),
    default_args=default_args(),
    params=runbook_params(window_hours=24, **PARAMS),
    tags=[Tag.MIGRATION, Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def migration_restore() -> None:
    plan = RestorePlanOperator(task_id=PLAN)
    create = CreateTargetOperator(task_id=CREATE, plan_task=PLAN)
    ready = TableSensor(task_id="table_ready", plan_task=PLAN, poke_interval=20, timeout=3600)
    load = LoadOperator(task_id="load", plan_task=PLAN)
    compare = CompareOperator(task_id="compare", plan_task=PLAN, prefix="restore")
    report = GatheredReportOperator(
        task_id=REPORT, title=TITLE, sources=[PLAN, "compare"], trigger_rule=TriggerRule.ALL_DONE
    )
    tell = TellOperator(task_id="tell", title=TITLE, trigger_rule=TriggerRule.ALL_DONE)
    complete = CompleteOperator(task_id="all_well", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    chain(plan, create, ready, load, compare, report, tell)
    chain([compare, report], complete)


migration_restore()
