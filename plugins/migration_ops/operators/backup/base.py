"""What the tasks of backup, restore and drill share: clients, buckets, findings that make a task red, the report."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from migration_ops.core.errors import InvalidInputError
from migration_ops.core.finding import Finding
from migration_ops.operators.runbook.base import FINDINGS_KEY
from migration_ops.operators.runbook.report import FindingsReportOperator
from migration_ops.operators.runbook.services import RunbookServices
from migration_ops.runbook.backup.kinds import TASK_KINDS
from migration_ops.runbook.backup.serialization import raw_scans
from migration_ops.runbook.backup.store import BackupStore, protection_of
from migration_ops.runbook.backup.table import Described, describe

PLAN = "plan"
_RAN = frozenset({"success", "failed"})
# Skipped, or done without anything to say.
_LEAVES_NOTHING = frozenset({"success", "skipped"})


def bucket_of(services: RunbookServices) -> str:
    """:raises InvalidInputError: the installation names no bucket: nothing can be kept."""
    bucket = services.config.resources.backup_bucket or services.settings.evidence_bucket
    if not bucket:
        raise InvalidInputError("there is no bucket for backups", path="MIGRATION_OPS_EVIDENCE_BUCKET")
    return bucket


def store_of(services: RunbookServices) -> BackupStore:
    """The bucket of backups, with its own encryption and, where it can, retention."""
    s3, bucket = services.reader.client("s3"), bucket_of(services)
    keep = timedelta(days=services.config.thresholds.backup.retention_days)
    owner = services.config.resources.backup_bucket_owner or None
    return BackupStore(s3, bucket, protection_of(s3, bucket), services.reader.now + keep, owner)


def described(services: RunbookServices, table: str) -> Described:
    """The table as AWS shows it now."""
    return describe(services.reader.client("dynamodb"), table, services.reader.client("kms"))


def scanning_client(services: RunbookServices) -> Any:
    """A DynamoDB client of its own, see ``wire.raw_scans``."""
    return raw_scans(services.reader.client("dynamodb"))


class GatheredReportOperator(FindingsReportOperator):
    """
    Write the run's report from what its tasks found. A task that left nothing, and was not skipped, is UNKNOWN.

    :param sources: ids of the tasks that leave findings.
    """

    def __init__(self, *, sources: list[str], **kwargs: Any) -> None:
        super().__init__(chapter="", checks=[], **kwargs)
        self.sources = sources

    def _findings(self, ti: Any) -> list[Finding]:
        states = ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id], task_ids=self.sources).get(ti.run_id, {})
        found: list[Finding] = []
        for task_id in self.sources:
            state = str(states.get(task_id))
            # What a task that was not run again left before it was cleared says nothing about this time.
            documents = ti.xcom_pull(task_ids=task_id, key=FINDINGS_KEY) if state in _RAN else None
            if documents is not None:
                found += [Finding.from_document(one) for one in documents]
            elif state not in _LEAVES_NOTHING:
                found.append(TASK_KINDS[task_id].lost(f"the task {task_id} left no findings: see its log"))
        return found

    def _answered_by(self, ti: Any) -> list[str]:
        return [one for one in self.sources if ti.xcom_pull(task_ids=one, key=FINDINGS_KEY) is not None]


def pulled(ti: Any, task_id: str) -> dict[str, Any]:
    """The result of a task that must have one.

    :raises AirflowFailException: it left nothing.
    """
    found = ti.xcom_pull(task_ids=task_id)
    if not isinstance(found, dict):
        raise AirflowFailException(f"the task {task_id} left nothing: clear it with downstream")
    return found


def run_moment(context: Context) -> Any:
    """When the run was due: the same whenever one of its tasks is repeated."""
    return context["dag_run"].run_after
