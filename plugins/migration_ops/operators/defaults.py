"""How tasks retry, time out and present themselves: one place for every DAG."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from airflow.sdk import CronTriggerTimetable, ExceptionRetryPolicy, RetryAction, RetryRule

from migration_ops.aws.errors import Unreachable
from migration_ops.core.errors import MigrationError, OutcomeUnknown, Throttled
from migration_ops.core.settings import read_settings
from migration_ops.integrations.errors import CallbackFailed, CmdbMismatch, CmdbUnavailable, NameNotResolved
from migration_ops.ledger.protocol import VersionConflict

OWNER = "migration-ops"


class Tag(StrEnum):
    """The tags of this package's DAGs; a policy test allows no others."""

    MIGRATION = "migration"
    MGN = "mgn"
    RUNBOOK = "runbook"
    SETUP = "setup"
    IMPACT_CRITICAL = "impact:critical"
    IMPACT_NONE = "impact:none"


# Weather is waited out; refusals, bad input and failed launches are not tried again by themselves.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        *[
            RetryRule(exception=kind, action=RetryAction.RETRY, reason=kind.code)
            for kind in (
                Throttled,
                OutcomeUnknown,
                Unreachable,
                VersionConflict,
                CmdbUnavailable,
                CallbackFailed,
                CmdbMismatch,
                NameNotResolved,
            )
        ],
        RetryRule(exception=MigrationError, action=RetryAction.FAIL, reason="retrying by itself would not help"),
    ]
)


def from_now_on(cron: str) -> CronTriggerTimetable:
    """A schedule (UTC) whose first run is the next one.

    With a ``start_date`` in the past Airflow runs the latest missed time as soon as the DAG is unpaused, whatever
    ``catchup`` says, and without one still when it was missed by less than a tenth of the interval (Airflow 3.3.2): a
    disaster recovery drill would begin because somebody pressed a switch. So these DAGs have no ``start_date``.
    """
    return CronTriggerTimetable(cron, timezone="UTC", run_immediately=timedelta(0))


def default_args() -> dict[str, Any]:
    """Retries also absorb what Airflow 3.3.2 fails for no reason of ours (executor "state mismatch").

    On a machine at load 14 one task was failed that way four times in a row; what retrying cannot help fails at once.
    """
    return {
        "owner": OWNER,
        "retries": 6,
        "retry_delay": timedelta(seconds=read_settings().retry_delay_seconds),
        "retry_policy": RETRY_POLICY,
        # Of one stint on a worker; waits are deferred and have deadlines of their own.
        "execution_timeout": timedelta(minutes=60),
    }
