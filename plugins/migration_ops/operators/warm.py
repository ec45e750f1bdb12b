"""What a process reads and imports in advance, so that the tasks forked from it need not."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path

from migration_ops.core.config import read_config
from migration_ops.core.errors import MigrationError
from migration_ops.core.redaction import redacted_text
from migration_ops.core.settings import read_settings
from migration_ops.runbook.checks.check import load

log = logging.getLogger(__name__)

# Airflow 3.3.2 itself imports these only in a task's process, each time.
AIRFLOW = (
    "airflow.dag_processing.bundles.local",
    "airflow.sdk.bases.sensor",
    "airflow.sdk.execution_time.cache",
    "airflow.sdk.execution_time.timeout",
    "jinja2.ext",
)


def read_health_check() -> None:
    """
    Loads the configuration, and the readers and checks of the health check, the DAG with the most tasks and runs.

    Best effort: an error is only logged here; the task that needs it fails with it.
    """
    try:
        for name in AIRFLOW:
            import_module(name)
        load()
        # The first redaction makes the detectors of secrets: 80 ms in each task otherwise.
        redacted_text("a text")
        directory = read_settings().config_directory
        read_config(Path(directory) if directory else None)
    except (ImportError, MigrationError) as error:
        log.warning("the health check was not read beforehand: %s", error)
