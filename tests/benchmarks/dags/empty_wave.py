"""
# Empty wave

The peer of `migration_wave` in `make bench`: the same tasks in the same groups with the same trigger rules, approvals
and retries, which do nothing but defer as often as the real ones did. What it takes is Airflow's own.

Conf: `applications` (names), `deferrals` (by task id, how often each of its instances defers).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Context, TriggerRule, chain, cross_downstream, dag, task_group

from tests.benchmarks.noop_trigger import NoopTrigger


class EmptyStep(BaseOperator):
    """Defers as often as the conf says for this instance."""

    template_fields: Sequence[str] = ("app",)

    def __init__(self, *, app: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.app = app

    def execute(self, context: Context) -> None:
        times = (context["dag_run"].conf or {}).get("deferrals", {}).get(self.task_id, [])
        index = max(context["ti"].map_index, 0)
        self._wait(times[index] if index < len(times) else 0)

    def resume(self, context: Context, event: dict[str, Any], left: int) -> None:
        self._wait(left)

    def _wait(self, left: int) -> None:
        if left:
            seconds = float(os.environ["MIGRATION_OPS_FIRST_POLL_SECONDS"])
            self.defer(trigger=NoopTrigger(seconds), method_name="resume", kwargs={"left": left - 1})


class Applications(BaseOperator):
    """What the groups are mapped over."""

    def execute(self, context: Context) -> list[str]:
        return list((context["dag_run"].conf or {})["applications"])


def step(name: str, app: Any = None, **kwargs: Any) -> EmptyStep:
    if app is not None:
        kwargs |= {"app": app, "map_index_template": "{{ task.app }}"}
    return EmptyStep(task_id=name, **kwargs)


def undo(app: Any, watched: list[Any]) -> EmptyStep:
    decide, rollback = step("decide", app, trigger_rule=TriggerRule.ONE_FAILED), step("rollback", app)
    watched >> decide >> rollback
    return rollback


@dag(
    dag_id="empty_wave",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=16,
    max_active_tasks=64,
    default_args={
        "owner": "bench",
        "retries": 6,
        "retry_delay": timedelta(seconds=float(os.environ.get("MIGRATION_OPS_RETRY_DELAY_SECONDS", "30"))),
        "execution_timeout": timedelta(minutes=60),
    },
    tags=["bench"],
    doc_md=__doc__,
)
def empty_wave() -> None:
    plan, preflight = step("plan"), Applications(task_id="preflight")
    go_no_go = step("go_no_go", trigger_rule=TriggerRule.ALL_DONE)
    approve_cutover = _approval("approve_cutover")
    cutover_window = step("cutover_window")
    soak = step("soak", trigger_rule=TriggerRule.ALL_DONE)
    approve_finalize = _approval("approve_finalize")
    undone: list[EmptyStep] = []
    told: list[EmptyStep] = []

    @task_group(group_id="test")
    def test(app: Any) -> None:
        work = [step(name, app) for name in ("replication_ready", "test_launch", "test_verify", "mark_ready")]
        chain(*work)
        work[-1] >> go_no_go
        undone.append(undo(app, work))

    @task_group(group_id="cutover")
    def cutover(app: Any) -> None:
        work = [step(name, app) for name in ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")]
        chain(cutover_window, *work, soak)
        undone.append(undo(app, work))

    @task_group(group_id="finish")
    def finish(app: Any) -> None:
        last = [
            step(name, app, trigger_rule=TriggerRule.ALL_DONE) for name in ("update_cmdb", "send_callback", "close")
        ]
        chain(approve_finalize, step("finalize", app), *last)
        undone >> last[0]
        told.extend(last)

    for group in (test, cutover, finish):
        group.expand(app=preflight.output)
    wave_complete = EmptyOperator(task_id="wave_complete", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    report = step("report", trigger_rule=TriggerRule.ALL_DONE)
    chain(plan, preflight)
    chain(go_no_go, approve_cutover, cutover_window)
    chain(soak, approve_finalize)
    cross_downstream(told, [wave_complete, report])
    chain([plan, preflight], wave_complete)


def _approval(task_id: str) -> ApprovalOperator:
    # As in the real wave: the HITL operator would take it for the time that people have.
    return ApprovalOperator(task_id=task_id, subject="Go on?", fail_on_reject=True, execution_timeout=None)


empty_wave()
