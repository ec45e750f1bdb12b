"""The operators of ``runbook_backup``: plan, export or scan, read back, expire."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.errors import Blocked
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
from migration_ops.runbook.backup.create import back_up
from migration_ops.runbook.backup.export import look_at_export, seal_export, start_export
from migration_ops.runbook.backup.findings import of_gap, of_made, of_retention, of_verified
from migration_ops.runbook.backup.keys import base_of, found_in, table_prefix
from migration_ops.runbook.backup.manifest import EXPORT, SCAN, Manifest
from migration_ops.runbook.backup.retention import expire
from migration_ops.runbook.backup.verify import mark_verified, newest_verified, verify_backup

AUTO = "auto"


def now() -> datetime:
    return datetime.now(UTC)


class BackupPlanOperator(DocumentedOperator):
    """
    Decide how the table is backed up, and where to.

    By DynamoDB's own export where point-in-time recovery is on, else by a scan; the param `mode` decides otherwise.
    """

    def execute(self, context: Context) -> Any:
        ti, wanted = context["ti"], context["params"]["mode"]
        services = runbook_services(context)
        table = described(services, services.settings.table_name)
        if wanted == EXPORT and not table.has_pitr:
            raise Blocked("an export needs point-in-time recovery, which is off", table=table.name)
        mode = wanted if wanted != AUTO else EXPORT if table.has_pitr else SCAN
        base = base_of(table.name, ti.run_id, run_moment(context))
        self.log.info("%s of %s to s3://%s/%s", mode, table.name, bucket_of(services), base)
        return {"mode": mode, "base": base, "table": table.name}


class _OfMode(FindingsOperator):
    """Base of tasks that one mode needs and the other does not."""

    mode = ""

    def plan(self, context: Context) -> dict[str, Any]:
        plan = pulled(context["ti"], PLAN)
        if plan["mode"] != self.mode:
            raise AirflowSkipException(f"this backup is made by {plan['mode']}")
        return plan

    def made(self, context: Context, manifest: Manifest) -> dict[str, Any]:
        return self.leave(context["ti"], of_made(manifest)) | {"items": manifest.items, "sha256": manifest.sha256}


class ScanOperator(_OfMode):
    """
    Read the whole table in parallel, consistent reads, to compressed parts in the bucket; the manifest comes last.

    A run that dies here leaves no manifest, so nothing that passes for a backup. A backup that this run has finished
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
    """Start DynamoDB's export to the bucket. Repeated within eight hours, it finds the same export."""

    mode = EXPORT

    def execute(self, context: Context) -> Any:
        plan = self.plan(context)
        services = runbook_services(context)
        client, table = services.reader.of("dynamodb"), described(services, plan["table"])
        return {"exportArn": start_export(client, store_of(services), table, plan["base"])}


class ExportSensor(BaseSensorOperator):
    """Wait until DynamoDB has exported the table. It holds no worker; a failed export fails it, with the reason."""

    def __init__(self, *, export_task: str, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(mode="reschedule", **kwargs)
        self.export_task = export_task

    def poke(self, context: Context) -> PokeReturnValue:
        arn = pulled(context["ti"], self.export_task)["exportArn"]
        found = look_at_export(runbook_services(context).reader.of("dynamodb"), arn)
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
        found = pulled(ti, self.export_task)
        return self.made(context, seal_export(store_of(services), table, plan["base"], ti.run_id, found, now))


class VerifyOperator(FindingsOperator):
    """Read the whole backup back from the bucket and compare counts and digests; only then it counts as verified."""

    def execute(self, context: Context) -> Any:
        plan = pulled(context["ti"], PLAN)
        services = runbook_services(context)
        store = store_of(services)
        found, _ = found_in(store.objects(table_prefix(plan["table"])))
        before = newest_verified(store, [one for one in found if one.base != plan["base"]])
        verified = verify_backup(store, plan["base"])
        if not verified.problems:
            mark_verified(store, plan["base"], verified, now())
        limit = services.config.thresholds.backup.max_age_hours
        gap = of_gap(plan["table"], before[1] if before else None, verified.manifest, limit)
        return self.leave(context["ti"], [of_verified(verified, plan["base"]), gap])


class ExpireOperator(FindingsOperator):
    """
    Remove backups beyond their retention. The newest verified one stays, whatever its age.

    What belongs to no backup is named and left alone.
    """

    def execute(self, context: Context) -> Any:
        plan = pulled(context["ti"], PLAN)
        services = runbook_services(context)
        days = services.config.thresholds.backup.retention_days
        done = expire(store_of(services), plan["table"], services.reader.now.date(), days)
        for one in (*done.expired, *done.incomplete):
            self.log.info("removed %s: %s objects, %s bytes", one.base, len(one.keys), one.size)
        return self.leave(context["ti"], [of_retention(plan["table"], done)])
