"""
# Runbook: disaster recovery drill

Every quarter: the latest verified backup **and** the latest point in time are restored, each into a scratch table of
its own. Count, digest, samples and the history of every migration are compared; duration and age are compared with
`backup.rtoMinutes` and `backup.rpoMinutes` in `include/config/thresholds.yaml`.

- It makes two scratch tables and removes them, **whatever happens** (`clean_up`); the live table is only read. That is
  why there is no dry run (ADR 0021). It costs two restores and four reads of the table.
- Where the sandbox runs, a rollback is rehearsed too: `plan`, `rehearse_launch`, `rehearse_rollback`, `rehearsed`.
  Elsewhere these are skipped, and the report says so.
- *To retry*: clear the failed task **with downstream**; `clean_up` runs again with it.
  To drill again, trigger a new run.
- By people, in the same week: test the failover procedures, read the documents, update the runbook.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import TriggerRule, chain, dag

from migration_ops.operators.backup.base import PLAN
from migration_ops.operators.backup.drill import (
    BEGIN,
    RECOVER,
    BeginDrillOperator,
    CleanUpSensor,
    CompareRecoveredOperator,
    RecoverOperator,
)
from migration_ops.operators.backup.rehearsal import RehearsalPlanOperator, RehearsedOperator
from migration_ops.operators.backup.restore import (
    CREATE,
    CompareOperator,
    CreateTargetOperator,
    IndexesSensor,
    LoadOperator,
    TableSensor,
)
from migration_ops.operators.defaults import Tag, default_args, from_now_on
from migration_ops.operators.runbook.services import runbook_params
from migration_ops.operators.runbook.sources import Tasks
from migration_ops.operators.runbook.tail import tail
from migration_ops.operators.wave.step import step_task
from migration_ops.runbook.backup.kinds import FROM_BACKUP, TASK_KINDS

SOURCES = (BEGIN, "load", "compare", RECOVER, "compare_recovered", "rehearsed", "clean_up")
WAIT: dict[str, Any] = {"poke_interval": 60, "timeout": 6 * 3600}


@dag(
    dag_id="runbook_dr_drill",
    schedule=from_now_on("23 8 10 1,4,7,10 *"),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=1),
    default_args=default_args(),
    params=runbook_params(window_hours=24 * 92),
    tags=[Tag.RUNBOOK, Tag.IMPACT_NONE],
    doc_md=__doc__,
)
def runbook_dr_drill() -> None:
    begin = BeginDrillOperator(task_id=BEGIN)

    create = CreateTargetOperator(task_id=CREATE, plan_task=BEGIN)
    ready = TableSensor(task_id="table_ready", plan_task=BEGIN, **WAIT)
    load = LoadOperator(task_id="load", plan_task=BEGIN, prefix=FROM_BACKUP)
    indexes = IndexesSensor(task_id="indexes", plan_task=BEGIN, poke_interval=60, timeout=6 * 3600)
    compare = CompareOperator(task_id="compare", plan_task=BEGIN, prefix=FROM_BACKUP, with_objectives=True)

    recover = RecoverOperator(task_id=RECOVER)
    recovered = TableSensor(task_id="recovered", plan_task=BEGIN, target_key="recovered", **WAIT)
    compare_recovered = CompareRecoveredOperator(task_id="compare_recovered")

    plan = RehearsalPlanOperator(task_id=PLAN, trigger_rule=TriggerRule.ALL_DONE)
    launch = step_task(task_id="rehearse_launch", step="test_launch", app=plan.output)
    undo = step_task(task_id="rehearse_rollback", step="rollback", app=plan.output, inputs={"decision": PLAN})
    rehearsed = RehearsedOperator(task_id="rehearsed", trigger_rule=TriggerRule.ALL_DONE)

    clean_up = CleanUpSensor(task_id="clean_up", **WAIT).as_teardown(setups=begin, on_failure_fail_dagrun=True)
    chain(begin, create, ready, load, indexes, compare, clean_up)
    chain(begin, recover, recovered, compare_recovered, clean_up)
    # The rehearsal writes into the ledger, so it waits until that was compared.
    chain([compare, compare_recovered], plan, launch, undo, rehearsed)
    judged = [compare, compare_recovered, rehearsed]
    tail([clean_up, rehearsed], "Disaster recovery drill", [Tasks(SOURCES, TASK_KINDS)], outcome=judged)


runbook_dr_drill()
