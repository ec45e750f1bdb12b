"""The Airflow plugin of this package: it writes each run's note, and lets a cleared approval ask with new evidence."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from migration_ops.mgn.session import read_models
from migration_ops.tasks import (
    approval,
    complete,
    fresh_questions,
    params,
    policy,
    rollback,
    run_note,
    runbook,
    step,
    wave,
)

# Task processes are forks of a process that has loaded its plugins. What is imported here is not imported again by
# every task and after every deferral, which costs 0.3 s of processor time each.
WARM = (approval, complete, params, policy, rollback, runbook, step, wave)


class MigrationPlugin(AirflowPlugin):
    """Listeners only; extra links travel with the operators."""

    name = "migration_ops"
    listeners = [run_note]

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        fresh_questions.listen()
        read_models()
