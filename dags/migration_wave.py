"""
# Migration wave

Moves the servers of a wave to AWS with AWS Application Migration Service (MGN): replication gate, test launch,
go/no-go, cutover, verification, finalize.

**`dryRun` is true by default**: the run plans, checks everything read-only, shows the plan and changes nothing.

- *Retry*: clear the failed task **with downstream**. It continues from what MGN shows; nothing is launched twice.
- *Approve*: the tasks `approve_cutover` and `approve_finalize` wait under "Required Actions", with their evidence.
  No answer in time counts as a rejection. `approve_finalize` is **the point of no return**.
- *Roll back*: answer the application's `decide` task, or trigger `migration_rollback`.
- *Green* means that every application reached its goal. A rollback that worked is still a failed migration: red.

`docs/conf.md` explains the conf; every fault in it is named in the run's note.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import TriggerRule, chain, cross_downstream, dag, task_group

from migration_ops.operators.approval import DecideOperator, EvidenceApproval
from migration_ops.operators.base import CompleteOperator
from migration_ops.operators.defaults import Tag, default_args
from migration_ops.operators.wave.params import wave_params
from migration_ops.operators.wave.step import StepOperator, step_task
from migration_ops.operators.wave.wave import PlanOperator, PreflightOperator, ReportOperator
from migration_ops.wave.conf.limits import WAVE_LIMIT

APP_NAME = "{{ task.app['appName'] }}"
SHEET, APPROVAL, WINDOW = "go_no_go", "approve_cutover", "cutover_window"
FINAL_SHEET, FINAL_APPROVAL = "soak", "approve_finalize"


def step(name: str, app: Any = None, **kwargs: Any) -> StepOperator:
    if app is not None:
        kwargs |= {"app": app, "map_index_template": APP_NAME}
    return step_task(task_id=name, step=name, **kwargs)


def undo(app: Any, watched: list[Any]) -> StepOperator:
    """decide → rollback, when one of the watched tasks failed."""
    decide = DecideOperator(
        task_id="decide", app=app, watched=[one.task_id for one in watched], map_index_template=APP_NAME
    )
    rollback = step("rollback", app, inputs={"decision": decide.task_id})
    watched >> decide >> rollback
    return rollback


@dag(
    dag_id="migration_wave",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=16,
    max_active_tasks=64,
    dagrun_timeout=WAVE_LIMIT,
    default_args=default_args(),
    params=wave_params(),
    tags=[Tag.MIGRATION, Tag.MGN, Tag.IMPACT_CRITICAL],
    doc_md=__doc__,
)
def migration_wave() -> None:
    plan = PlanOperator(task_id="plan")
    preflight = PreflightOperator(task_id="preflight")
    go_no_go = step(SHEET, trigger_rule=TriggerRule.ALL_DONE)
    approve_cutover = EvidenceApproval(task_id=APPROVAL, which="cutover", sheet_task=SHEET)
    cutover_window = step(WINDOW)
    soak = step(FINAL_SHEET, trigger_rule=TriggerRule.ALL_DONE)
    approve_finalize = EvidenceApproval(task_id=FINAL_APPROVAL, which="finalize", sheet_task=FINAL_SHEET)
    undone: list[StepOperator] = []
    endings: list[StepOperator] = []

    @task_group(group_id="test")
    def test(app: Any) -> None:
        work = [step(name, app) for name in ("replication_ready", "test_launch", "test_verify", "mark_ready")]
        chain(*work)
        # Only the work leads on: other applications do not wait for somebody's decision about this one.
        work[-1] >> go_no_go
        undone.append(undo(app, work))

    @task_group(group_id="cutover")
    def cutover(app: Any) -> None:
        go = {"sheet": SHEET, "approval": APPROVAL, "window": WINDOW}
        work = [
            step(name, app, inputs=go) for name in ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")
        ]
        chain(cutover_window, *work, soak)
        undone.append(undo(app, work))

    @task_group(group_id="finish")
    def finish(app: Any) -> None:
        finalize = step("finalize", app, inputs={"sheet": FINAL_SHEET, "approval": FINAL_APPROVAL})
        # After success and after rollback alike.
        update_cmdb = step("update_cmdb", app, trigger_rule=TriggerRule.ALL_DONE)
        send_callback = step("send_callback", app, trigger_rule=TriggerRule.ALL_DONE)
        close = step("close", app, trigger_rule=TriggerRule.ALL_DONE)
        chain(approve_finalize, finalize, update_cmdb, send_callback, close)
        undone >> update_cmdb
        endings.extend([update_cmdb, send_callback, close])

    for group in (test, cutover, finish):
        group.expand(app=preflight.output)
    wave_complete = CompleteOperator(task_id="wave_complete", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    asked = {"cutover": APPROVAL, "finalize": FINAL_APPROVAL}
    report = ReportOperator(task_id="report", trigger_rule=TriggerRule.ALL_DONE, approvals=asked)
    chain(plan, preflight)
    chain(go_no_go, approve_cutover, cutover_window)
    chain(soak, approve_finalize)
    cross_downstream(endings, [wave_complete, report])
    # When one of them is cleared later and fails, the rest is skipped, and that must not be green.
    cross_downstream([plan, preflight], [wave_complete])


migration_wave()
