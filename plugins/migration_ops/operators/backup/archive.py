"""The nightly task that archives migrations that ended long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.ledger.archive import Archive
from migration_ops.ledger.archiving import ArchivingResult, archive_due, due_for_archive, expiring, room_for
from migration_ops.ledger.table import Table
from migration_ops.operators.backup.base import PLAN, pulled, store_of
from migration_ops.operators.runbook.base import FindingsOperator
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.runbook.backup.archiving import of_archive
from migration_ops.runbook.backup.verify import latest_verified


class ArchiveOperator(FindingsOperator):
    """
    Archive migrations of waves that ended `backup.archiveAfterDays` ago: a copy in the evidence bucket, read back,
    then a time to live in the table.

    Nothing is deleted here: DynamoDB removes the items after `MIGRATION_OPS_HISTORY_TTL_DAYS`. At most
    `backup.archivedItemsPercent` of the table's items are archived each night, or one migration of more, so that no
    backup looks far smaller than the one before (`backup.minItemsPercent`). What is too large for that is named.
    """

    def execute(self, context: Context) -> Any:
        plan, services = pulled(context["ti"], PLAN), runbook_services(context)
        limits, settings = services.config.thresholds.backup, services.settings
        if limits.archive_after_days is None:
            raise AirflowSkipException("backup.archiveAfterDays is not set: nothing is archived")
        if not settings.evidence_bucket:
            raise AirflowSkipException("MIGRATION_OPS_EVIDENCE_BUCKET is not set: there is nowhere to archive to")
        client, now = services.reader.client("dynamodb"), datetime.now(UTC)
        table = Table(client, plan["table"])
        due = due_for_archive(table, now - timedelta(days=limits.archive_after_days))
        if not due:
            return self.publish(context["ti"], [of_archive(plan["table"], ArchivingResult())]) | {"archived": 0}
        _, manifest = latest_verified(store_of(services), plan["table"])
        evidence = EvidenceStore(services.reader.client, settings.evidence_bucket, owner=settings.evidence_bucket_owner)
        archive = Archive(client, plan["table"], evidence, lambda: datetime.now(UTC), settings.history_ttl_days)
        expires_at = int((now + timedelta(days=settings.history_ttl_days)).timestamp())
        room = room_for(
            manifest.items,
            expiring(table, now),
            limits.archived_items_percent,
            limits.min_items_percent,
            expires_at,
        )
        done = archive_due(archive, due, room)
        for one in done.archived:
            self.log.info("archived %s", one)
        return self.publish(context["ti"], [of_archive(plan["table"], done)]) | {"archived": len(done.archived)}
