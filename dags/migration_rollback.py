"""
# Migration rollback

Takes migrations back to before their launch, from every state before finalize: lifecycle back to READY_FOR_TEST or
READY_FOR_CUTOVER, no instance left, the source running again.

Conf: one of `wave`, `applications`, `migrationIds`, and a `reason`. **`dryRun` is true by default** and only shows
what would be undone. The rollback itself always asks for an approval.

To retry, clear the failed task **with downstream**: it goes on from what MGN shows. With `PLAN_CHANGED` (a launch or a
dependent application that nobody was shown) nothing was touched: clear `plan` with downstream, and the question is
asked again.

Servers that a run under way holds are refused before anybody is asked: end that run first. CMDB and callback are told
of the rollback where the wave's conf named them.

After finalize MGN has no way back: the run refuses, and says what a person can still do.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import TriggerRule, chain, cross_downstream, dag, task_group

from migration_ops.operators.approval import EvidenceApproval
from migration_ops.operators.base import CompleteOperator
from migration_ops.operators.defaults import Tag, default_args
from migration_ops.operators.wave.params import rollback_params
from migration_ops.operators.wave.rollback import (
    ReleaseOperator,
    RequestedRollbackOperator,
    SelectOperator,
    SheetOperator,
)
from migration_ops.operators.wave.step import step_task
from migration_ops.wave.conf.limits import ROLLBACK_LIMIT

APP_NAME = "{{ task.app['appName'] }}"


@dag(
    dag_id="migration_rollback",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=16,
    max_active_tasks=64,
    dagrun_timeout=ROLLBACK_LIMIT,
    default_args=default_args(),
    params=rollback_params(),
    tags=[Tag.MIGRATION, Tag.MGN, Tag.IMPACT_CRITICAL],
    doc_md=__doc__,
)
def migration_rollback() -> None:
    plan = SelectOperator(task_id="plan")
    sheet = SheetOperator(task_id="sheet")
    approve = EvidenceApproval(task_id="approve_rollback", which="rollback", sheet_task="sheet")

    acted: list[Any] = []

    @task_group(group_id="undo")
    def undo(app: Any) -> None:
        rollback = RequestedRollbackOperator(task_id="rollback", app=app, map_index_template=APP_NAME)
        # After success and after failure alike, as in a wave.
        update_cmdb, send_callback = (
            step_task(
                task_id=name,
                step=f"{name}_after_rollback",
                app=app,
                is_registered=False,
                map_index_template=APP_NAME,
                trigger_rule=TriggerRule.ALL_DONE,
            )
            for name in ("update_cmdb", "send_callback")
        )
        chain(rollback, update_cmdb, send_callback)
        acted.extend([rollback, update_cmdb, send_callback])

    undone = undo.expand(app=plan.output)
    release = ReleaseOperator(task_id="release", trigger_rule=TriggerRule.ALL_DONE)
    complete = CompleteOperator(task_id="rollback_complete", trigger_rule=TriggerRule.NONE_FAILED)
    chain(plan, sheet, approve, undone)
    # When the plan is cleared later and fails, the rest is skipped, and that must not be green.
    cross_downstream([plan, *acted], [complete])
    acted >> release


migration_rollback()
