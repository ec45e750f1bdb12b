"""The Airflow plugin of this package: it writes each run's note, and lets a cleared approval ask with new evidence."""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin

from migration_ops.tasks import fresh_questions, run_note


class MigrationPlugin(AirflowPlugin):
    """Listeners only; extra links travel with the operators."""

    name = "migration_ops"
    listeners = [run_note]

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        fresh_questions.listen()
