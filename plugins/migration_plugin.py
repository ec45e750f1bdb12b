"""The Airflow plugin of this package: it writes each run's note, and lets a cleared approval ask with new evidence."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from migration_ops.aws.session import read_models
from migration_ops.operators import approval, base, defaults, listeners
from migration_ops.operators.allowed_hosts import root_middlewares
from migration_ops.operators.runbook import chapter
from migration_ops.operators.warm import read_health_check
from migration_ops.operators.wave import params, rollback, step, wave

# Task processes are forks of a process that has loaded its plugins. What is imported here is not imported again by
# every task and after every deferral, which costs 0.3 s of processor time each.
WARM = (approval, base, params, defaults, rollback, chapter, step, wave)


class MigrationPlugin(AirflowPlugin):
    """Listeners, and a guard where the setting asks for it; extra links travel with the operators."""

    name = "migration_ops"
    listeners = [listeners]
    fastapi_root_middlewares = root_middlewares()

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        listeners.listen()
        read_models()
        read_health_check()
