"""What the tasks of backup, restore and drill share: clients, buckets, results of earlier tasks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.errors import InstallationError
from migration_ops.operators.runbook.services import RunbookServices
from migration_ops.runbook.backup.serialization import raw_scans
from migration_ops.runbook.backup.store import BackupStore, protection_of
from migration_ops.runbook.backup.table import Described, describe

PLAN = "plan"


def bucket_of(services: RunbookServices) -> str:
    """The bucket of backups: ``backup_bucket`` of the configuration, else the evidence bucket.

    :raises InstallationError: the installation names no bucket.
    """
    bucket = services.config.resources.backup_bucket or services.settings.evidence_bucket
    if not bucket:
        raise InstallationError("there is no bucket for backups", path="MIGRATION_OPS_EVIDENCE_BUCKET")
    return bucket


def store_of(services: RunbookServices) -> BackupStore:
    """The bucket of backups, with its encryption and, where it supports it, retention."""
    s3, bucket = services.reader.client("s3"), bucket_of(services)
    keep = timedelta(days=services.config.thresholds.backup.retention_days)
    owner = services.config.resources.owner_of_backups(services.settings)
    return BackupStore(s3, bucket, protection_of(s3, bucket, owner), services.reader.now + keep, owner)


def described(services: RunbookServices, table: str) -> Described:
    """The table as AWS shows it now."""
    return describe(services.reader.client("dynamodb"), table, services.reader.client("kms"))


def scanning_client(services: RunbookServices) -> Any:
    """A separate DynamoDB client for scans, see ``serialization.raw_scans``."""
    return raw_scans(services.reader.client("dynamodb"))


def pulled(ti: Any, task_id: str) -> dict[str, Any]:
    """The result of a task that must have one.

    :raises AirflowFailException: there is none.
    """
    found = ti.xcom_pull(task_ids=task_id)
    if not isinstance(found, dict):
        raise AirflowFailException(f"the task {task_id} left nothing: clear it with downstream")
    return found


def run_moment(context: Context) -> Any:
    """When the run was due: the same whenever one of its tasks is repeated."""
    return context["dag_run"].run_after
