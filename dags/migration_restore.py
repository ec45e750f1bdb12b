"""
# Restore a backup of the ledger

Restores into a **new** table, never into one that exists, and never into the live one. Then the number of items, their
digest and the history of every migration are compared.

- **`dryRun` is true by default**: the run finds the backup, looks at the target, and changes nothing.
- `backup`: the key of a manifest; empty for the latest verified one. `target`: the new table; empty for a name with
  the backup's time.
- *To retry*: clear the failed task **with downstream**. It goes on in the table that this run made, as long as the load
  never came to its end. A table that was loaded or handed over, or that `MIGRATION_OPS_TABLE_NAME` names by now, is
  never written again. A load that failed half-way is named in the report: clear `load`, or delete that table.
- An item whose key an index refuses (put before the table had that index) is restored too: such an index is made after
  the load, by `indexes`.
- As with AWS's own restore, these are not restored: time to live, point-in-time recovery, deletion protection,
  streams, tags, alarms. To use the table: set these, stop the waves, then set `MIGRATION_OPS_TABLE_NAME`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import Param, chain, dag

from migration_ops.operators.backup.base import PLAN
from migration_ops.operators.backup.restore import (
    CREATE,
    CompareOperator,
    CreateTargetOperator,
    IndexesSensor,
    LoadOperator,
    RestorePlanOperator,
    TableSensor,
)
from migration_ops.operators.defaults import Tag, default_args
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.sources import Tasks
from migration_ops.operators.runbook.tail import tail
from migration_ops.runbook.backup.kinds import TASK_KINDS

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
    indexes = IndexesSensor(task_id="indexes", plan_task=PLAN, poke_interval=60, timeout=6 * 3600)
    compare = CompareOperator(task_id="compare", plan_task=PLAN, prefix="restore")
    chain(plan, create, ready, load, indexes, compare)
    tail(compare, "Restore of the ledger", [Tasks((PLAN, "load", "compare"), TASK_KINDS)])


migration_restore()
