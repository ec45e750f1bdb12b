"""The operators that restore a backup into a new table; ``migration_restore`` and the drill share them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.errors import Blocked, InvalidInput
from migration_ops.operators.backup.backup import now
from migration_ops.operators.backup.base import pulled, scanning_client, store_of
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.runbook.base import FindingsOperator
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.backup.findings import OK, finding
from migration_ops.runbook.backup.fingerprint import broken_chains, profile_table
from migration_ops.runbook.backup.keys import MANIFEST, table_prefix
from migration_ops.runbook.backup.manifest import Manifest, manifest_key, read_manifest
from migration_ops.runbook.backup.restore import (
    ACTIVE,
    TableExists,
    create_target,
    load,
    run_tag_of,
    status_of,
    tag_value,
)
from migration_ops.runbook.backup.restore_findings import Objective, of_history, of_objective, of_restored
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import raw_description
from migration_ops.runbook.backup.verify import latest_verified, verified_manifest

CREATE = "create"


class RestorePlanOperator(FindingsOperator):
    """
    Find the backup and look at the target. With `dryRun`, the default, this is all that happens.

    The target must not exist, and can never be the live table.
    """

    def execute(self, context: Context) -> Any:
        ti, params = context["ti"], context["params"]
        services = runbook_services(context)
        live = services.settings.table_name
        base, manifest = chosen_backup(store_of(services), live, params["backup"])
        target = params["target"] or f"{live}-restored-{manifest.age_from:%Y%m%d%H%M%S}"
        self._require_free(services, target, live, ti.run_id)
        what = f"{manifest.items} items as of {manifest.consistent_at} from {base}"
        is_dry = bool(params["dryRun"])
        reason = f"{what} can be restored; nothing was changed" if is_dry else f"restores {what}"
        self.leave(ti, [finding("restore_plan", target, OK, reason, value=manifest.items, unit="items")])
        return {"base": base, "sha256": manifest.sha256, "target": target, "live": live, "dryRun": is_dry}

    def _require_free(self, services: RunbookServices, target: str, live: str, run_id: str) -> None:
        """A table that this run itself made is no obstacle: then its plan was cleared."""
        client = services.reader.of("dynamodb")
        found = raw_description(client, target)
        if target == live:
            raise TableExists("the target is the live table", table=target)
        if found is not None and run_tag_of(client, found["TableArn"]) != tag_value(run_id):
            raise TableExists("the target exists", table=target)


def chosen_backup(store: BackupStore, table: str, wanted: str | None) -> tuple[str, Manifest]:
    """
    :param wanted: the key of a manifest, or the folder it is in; None for the latest that was verified.
    :raises Blocked: it was never verified.
    """
    if not wanted:
        return latest_verified(store, table)
    base = wanted.removeprefix(f"s3://{store.bucket}/").removesuffix(MANIFEST).rstrip("/")
    if not base.startswith(table_prefix(table)):
        raise InvalidInput("a backup of this table is below its folder", path="backup", folder=table_prefix(table))
    manifest = read_manifest(store, manifest_key(base))
    if verified_manifest(store, base) is None:
        raise Blocked("this backup was never verified, or was changed since", backup=base)
    return base, manifest


def plan_and_manifest(context: Context, services: RunbookServices, plan_task: str) -> tuple[dict[str, Any], Manifest]:
    """What the plan task chose, as long as it still is what it was.

    :raises Blocked: the manifest was changed in between.
    """
    plan = pulled(context["ti"], plan_task)
    manifest = read_manifest(store_of(services), manifest_key(plan["base"]))
    if manifest.sha256 != plan["sha256"]:
        raise Blocked("the backup was changed since it was chosen", backup=plan["base"])
    return plan, manifest


class CreateTargetOperator(DocumentedOperator):
    """
    Create the new table from the backup's description: no time to live, no protection, no stream; tagged with the run.

    :param plan_task: whose result says which backup and which target.
    """

    def __init__(self, *, plan_task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task = plan_task

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        plan, manifest = plan_and_manifest(context, services, self.plan_task)
        if plan["dryRun"]:
            raise AirflowSkipException(f"dry run: {plan['target']} was not created")
        began = now()
        create_target(services.reader.of("dynamodb"), plan["target"], manifest, plan["live"], ti.run_id)
        self.log.info("created %s", plan["target"])
        return {"began": began.isoformat()}


class TableSensor(BaseSensorOperator):
    """Wait until the new table and its indexes are active. It holds no worker.

    :param target_key: the target's name in the result of the plan task.
    """

    def __init__(self, *, plan_task: str, target_key: str = "target", **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(mode="reschedule", **kwargs)
        self.plan_task = plan_task
        self.target_key = target_key

    def poke(self, context: Context) -> bool:
        target = pulled(context["ti"], self.plan_task)[self.target_key]
        status = status_of(runbook_services(context).reader.of("dynamodb"), target)
        self.log.info("%s is %s", target, status or "not there yet")
        return status == ACTIVE


class LoadOperator(DocumentedOperator):
    """
    Write all items of the backup into the new table, parts checked as they are read. Doing it again is harmless.

    :param plan_task: whose result says which backup and which target.
    """

    def __init__(self, *, plan_task: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task = plan_task

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        plan, manifest = plan_and_manifest(context, services, self.plan_task)
        client = services.reader.of("dynamodb")
        # Asked again right before the first write: only a table that this run made is written into.
        create_target(client, plan["target"], manifest, plan["live"], ti.run_id)
        done = load(client, store_of(services), manifest, plan["target"])
        return {"items": done.items, "retried": done.retried}


class CompareOperator(FindingsOperator):
    """
    Read the whole new table: number and digest of the items against the backup, and the history of every migration.

    :param prefix: of the findings' check ids.
    :param with_objectives: also hold duration and age against the recovery objectives.
    """

    def __init__(self, *, plan_task: str, prefix: str, with_objectives: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task = plan_task
        self.prefix = prefix
        self.with_objectives = with_objectives

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        plan, manifest = plan_and_manifest(context, services, self.plan_task)
        target = plan["target"]
        profile = profile_table(scanning_client(services), target)
        broken = broken_chains(services.reader.of("dynamodb"), target, profile.migrations)
        findings = [
            of_restored(self.prefix, target, profile, manifest),
            of_history(self.prefix, target, len(profile.migrations), broken, manifest.written_during),
        ]
        if self.with_objectives:
            limits = services.config.thresholds.backup
            created = datetime.fromisoformat(pulled(ti, CREATE)["began"])
            rto, rpo = Objective("rto", limits.rto_minutes), Objective("rpo", limits.rpo_minutes)
            findings += [
                of_objective(self.prefix, target, rto, created, now()),
                of_objective(self.prefix, target, rpo, manifest.age_from, datetime.fromisoformat(plan["began"])),
            ]
        return self.leave(ti, findings)
