"""The Airflow plugin of this package: it writes each run's note when the run ends."""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin

from migration_ops.tasks import run_note


class MigrationPlugin(AirflowPlugin):
    """Listeners only; extra links travel with the operators."""

    name = "migration_ops"
    listeners = [run_note]
