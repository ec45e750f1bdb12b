"""
# Empty health check

The peer of `runbook_health_check` in `make bench`: the same tasks, mapped as wide, with the same trigger rules, that do
nothing. What it takes is Airflow's own, on this machine at this moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, Context, TriggerRule, chain, dag

from migration_ops.operators.runbook.chapter import in_tasks
from migration_ops.runbook.checks.chapters import CHAPTERS, HEALTH


class EmptyTask(BaseOperator):
    """Does nothing."""

    template_fields: Sequence[str] = ("what",)

    def __init__(self, *, what: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.what = what

    def execute(self, context: Context) -> None:
        pass


@dag(
    dag_id="empty_health_check",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    max_active_tasks=32,
    default_args={"owner": "bench", "retries": 6},
    tags=["bench"],
    doc_md=__doc__,
)
def empty_health_check() -> None:
    reads = EmptyTask.partial(task_id="read", map_index_template="{{ task.what }}").expand(
        what=[", ".join(one) for one in in_tasks(CHAPTERS[HEALTH].readers)]
    )
    checks = EmptyTask.partial(
        task_id="check", map_index_template="{{ task.what }}", trigger_rule=TriggerRule.ALL_DONE
    ).expand(what=list(CHAPTERS[HEALTH].check_ids))
    report = EmptyTask(task_id="report", trigger_rule=TriggerRule.ALL_DONE)
    notify = EmptyTask(task_id="notify", trigger_rule=TriggerRule.ALL_DONE)
    complete = EmptyOperator(task_id="run_outcome", trigger_rule=TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS)
    chain(reads, checks, report, notify)
    chain([checks, report], complete)


empty_health_check()
