"""How tasks retry, time out and present themselves: one place for every DAG."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import CronTriggerTimetable, ExceptionRetryPolicy, RetryAction, RetryRule

from migration_ops.aws.errors import UnreachableError
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, ThrottledError
from migration_ops.core.settings import read_settings
from migration_ops.integrations.errors import (
    CallbackFailedError,
    CmdbMismatchError,
    CmdbUnavailableError,
    NameNotResolvedError,
)
from migration_ops.ledger.protocol import VersionConflictError

OWNER = "migration-ops"


class Tag(StrEnum):
    """The tags of this package's DAGs; a policy test allows no others."""

    MIGRATION = "migration"
    MGN = "mgn"
    RUNBOOK = "runbook"
    SETUP = "setup"
    IMPACT_CRITICAL = "impact:critical"
    IMPACT_NONE = "impact:none"


# Transient errors are retried; refusals, bad input and failed launches are not.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        *[
            RetryRule(exception=kind, action=RetryAction.RETRY, reason=kind.code)
            for kind in (
                ThrottledError,
                OutcomeUnknownError,
                UnreachableError,
                VersionConflictError,
                CmdbUnavailableError,
                CallbackFailedError,
                CmdbMismatchError,
                NameNotResolvedError,
            )
        ],
        RetryRule(exception=MigrationError, action=RetryAction.FAIL, reason="retrying by itself would not help"),
    ]
)


def from_now_on(cron: str) -> CronTriggerTimetable:
    """A schedule (UTC) whose first run is the next one.

    With a ``start_date`` in the past Airflow 3.3.2 runs the latest missed time as soon as the DAG is unpaused, whatever
    ``catchup`` says; without one it does so by default when less than a tenth of the interval has passed. A disaster
    recovery drill would start only because the DAG was unpaused. So these DAGs have no ``start_date``.
    """
    return CronTriggerTimetable(cron, timezone="UTC", run_immediately=timedelta(0))


def default_args() -> dict[str, Any]:
    """The number of retries also covers tasks that Airflow 3.3.2 itself fails (executor "state mismatch").

    On a machine at load 14 this happened to one task four times in a row. Errors that a retry cannot help fail at once.
    """
    return {
        "owner": OWNER,
        "retries": 6,
        "retry_delay": timedelta(seconds=read_settings().retry_delay_seconds),
        "retry_policy": RETRY_POLICY,
        # Limit of the work between two waits; waits are deferred and have deadlines of their own.
        "execution_timeout": timedelta(minutes=60),
    }
