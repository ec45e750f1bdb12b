"""The operators of ``runbook_backup``: plan, export or scan, read back, expire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.errors import BlockedError
from migration_ops.ledger.anchor_progress import not_continued
from migration_ops.ledger.anchors import ALL, Anchor, every_head
from migration_ops.ledger.table import Table
from migration_ops.operators.backup.base import (
    PLAN,
    bucket_of,
    described,
    pulled,
    run_moment,
    scanning_client,
    store_of,
)
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.runbook.base import FindingsOperator
from migration_ops.operators.runbook.services import runbook_services
from migration_ops.operators.services import anchor_store_of
from migration_ops.runbook.backup.anchoring import of_anchors, of_no_anchors
from migration_ops.runbook.backup.create import back_up, iso
from migration_ops.runbook.backup.earlier import look_back
from migration_ops.runbook.backup.export import look_at_export, seal_export, start_export
from migration_ops.runbook.backup.findings import CRITICAL, finding, of_gap, of_made, of_retention, of_verified
from migration_ops.runbook.backup.findings_items import is_accepted, may_be_marked, of_items, of_place
from migration_ops.runbook.backup.keys import base_of
from migration_ops.runbook.backup.manifest import EXPORT, SCAN, BackupNotWholeError, Manifest
from migration_ops.runbook.backup.refused import mark_refused
from migration_ops.runbook.backup.retention import expire
from migration_ops.runbook.backup.store import Protection
from migration_ops.runbook.backup.table import Described
from migration_ops.runbook.backup.verify import mark_verified, verify_backup

AUTO = "auto"
# The param with which a person accepts a backup with far fewer items than the one before, or none.
ACCEPT = "acceptFewerItems"


def now() -> datetime:
    return datetime.now(UTC)


class BackupPlanOperator(DocumentedOperator):
    """
    Decide how the table is backed up, and to which place.

    By DynamoDB's own export when point-in-time recovery is on, else by a scan; also by a scan into a bucket whose
    Object Lock has a default retention. The param `mode` can set it.
    """

    def execute(self, context: Context) -> Any:
        ti, wanted = context["ti"], context["params"]["mode"]
        services = runbook_services(context)
        table = described(services, services.settings.table_name)
        if wanted == EXPORT and not table.has_pitr:
            raise BlockedError("an export needs point-in-time recovery, which is off", table=table.name)
        mode = wanted if wanted != AUTO else _mode_of(table, store_of(services).protection)
        base = base_of(table.name, ti.run_id, run_moment(context))
        self.log.info("%s of %s to s3://%s/%s", mode, table.name, bucket_of(services), base)
        return {"mode": mode, "base": base, "table": table.name}


def _mode_of(table: Described, protection: Protection) -> str:
    # For an object with a retention S3 requires a checksum. Whether DynamoDB's export sends one is not documented.
    return EXPORT if table.has_pitr and not protection.has_retention else SCAN


class _OfMode(FindingsOperator):
    """Base of tasks that one mode needs and the other does not."""

    mode = ""

    def plan(self, context: Context) -> dict[str, Any]:
        plan = pulled(context["ti"], PLAN)
        if plan["mode"] != self.mode:
            raise AirflowSkipException(f"this backup is made by {plan['mode']}")
        return plan

    def made(self, context: Context, manifest: Manifest) -> dict[str, Any]:
        return self.publish(context["ti"], of_made(manifest)) | {"items": manifest.items, "sha256": manifest.sha256}


class ScanOperator(_OfMode):
    """
    Read the whole table in parallel, with consistent reads, to compressed parts in the bucket; the manifest is last.

    A run that dies here leaves no manifest, so nothing that looks like a backup. A backup that this run has finished
    is not made again.
    """

    mode = SCAN

    def execute(self, context: Context) -> Any:
        plan = self.plan(context)
        services = runbook_services(context)
        table = described(services, plan["table"])
        client = scanning_client(services)
        return self.made(context, back_up(client, store_of(services), table, plan["base"], context["ti"].run_id, now))


class ExportOperator(_OfMode):
    """
    Start DynamoDB's export to the bucket. Repeated within eight hours it finds the same export; it starts another one
    after an export that failed or whose files were bad.
    """

    mode = EXPORT

    def execute(self, context: Context) -> Any:
        plan = self.plan(context)
        services = runbook_services(context)
        client, table = services.reader.client("dynamodb"), described(services, plan["table"])
        return {"exportArn": start_export(client, store_of(services), table, plan["base"])}


class ExportSensor(BaseSensorOperator):
    """Wait until DynamoDB has exported the table. It holds no worker; a failed export fails it, with the reason."""

    def __init__(self, *, export_task: str, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(mode="reschedule", **kwargs)
        self.export_task = export_task

    def poke(self, context: Context) -> PokeReturnValue:
        arn = pulled(context["ti"], self.export_task)["exportArn"]
        found = look_at_export(runbook_services(context).reader.client("dynamodb"), arn)
        return PokeReturnValue(is_done=found is not None, xcom_value=found)


class SealExportOperator(_OfMode):
    """
    Check the export against its own manifests and checksums, and write our manifest.

    :param export_task: whose result is the export's description.
    """

    mode = EXPORT

    def __init__(self, *, export_task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.export_task = export_task

    def execute(self, context: Context) -> Any:
        plan, ti = self.plan(context), context["ti"]
        services = runbook_services(context)
        table = described(services, plan["table"])
        store, found = store_of(services), pulled(ti, self.export_task)
        try:
            manifest = seal_export(store, table, plan["base"], ti.run_id, found, now)
        except BackupNotWholeError as error:
            # So that the task `export`, when cleared, starts another one.
            mark_refused(store, plan["base"], iso(now()), error.message, export_arn=found["ExportArn"])
            raise
        return self.made(context, manifest)


class VerifyOperator(FindingsOperator):
    """
    Read the whole backup back from the bucket and compare counts and digests; only then it counts as verified.

    A backup with far fewer items than the one before, or none, is not verified, unless `acceptFewerItems` is set.
    """

    def execute(self, context: Context) -> Any:
        plan, accepted = pulled(context["ti"], PLAN), bool(context["params"].get(ACCEPT, False))
        services = runbook_services(context)
        store, base = store_of(services), plan["base"]
        try:
            verified = verify_backup(store, base)
        except BackupNotWholeError as error:
            mark_refused(store, base, iso(now()), error.message)
            return self.publish(context["ti"], [finding("backup_read_back", base, CRITICAL, error.message)])
        manifest, limits = verified.manifest, services.config.thresholds.backup
        earlier = look_back(store, base, manifest)
        items = of_items(manifest, earlier, limits.min_items_percent, accepted)
        if verified.problems or items.verdict is CRITICAL:
            mark_refused(store, base, iso(now()), [*verified.problems, items.reason][0], manifest=manifest)
        elif may_be_marked(items, manifest, earlier, accepted):
            said = is_accepted(manifest, earlier, accepted)
            mark_verified(store, base, verified, now(), accepted_fewer=said)
        before = earlier.verified.manifest if earlier.verified else None
        gap = of_gap(plan["table"], before, manifest, limits.max_age_hours, earlier.unread)
        return self.publish(context["ti"], [of_verified(verified, base), items, gap, of_place(store, manifest)])


class AnchorOperator(FindingsOperator):
    """
    Anchor the ledger: put the end of every history chain and a digest of every record into the evidence bucket.

    Each chain must continue from the anchor before; what was edited, cut or deleted since is CRITICAL.
    """

    def execute(self, context: Context) -> Any:
        plan, services = pulled(context["ti"], PLAN), runbook_services(context)
        store = anchor_store_of(services.settings, services.reader.client)
        if store is None:
            return self.publish(context["ti"], [of_no_anchors(plan["table"])])
        table, moment = Table(services.reader.client("dynamodb"), plan["table"]), now()
        before = store.newest_of_all(table.name, moment)
        heads = every_head(table, [one.migration_id for one in before.heads] if before else [])
        problems = not_continued(table, before, heads) if before else []
        key = store.write(Anchor(table.name, ALL, "", context["ti"].run_id, heads), moment)
        return self.publish(context["ti"], [of_anchors(table.name, key, len(heads), problems, before)]) | {"key": key}


class ExpireOperator(FindingsOperator):
    """
    Remove backups beyond their retention. The newest verified one stays, whatever its age.

    Objects that belong to no backup are named and left alone.
    """

    def execute(self, context: Context) -> Any:
        plan = pulled(context["ti"], PLAN)
        services = runbook_services(context)
        days = services.config.thresholds.backup.retention_days
        done = expire(store_of(services), plan["table"], services.reader.now.date(), days)
        for one in (*done.expired, *done.incomplete):
            self.log.info("removed %s: %s objects, %s bytes", one.base, len(one.keys), one.size)
        return self.publish(context["ti"], [of_retention(plan["table"], done)])
