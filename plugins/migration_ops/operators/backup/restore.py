"""The operators that restore a backup into a new table; ``migration_restore`` and the drill share them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.aws.inventory.dynamodb_scratch import HANDED_OVER_TAG
from migration_ops.core.errors import InvalidInputError, MigrationError
from migration_ops.core.field_text import tag_value
from migration_ops.core.finding import Finding
from migration_ops.operators.backup.backup import now
from migration_ops.operators.backup.base import pulled, scanning_client, store_of
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.runbook.base import FindingsOperator, push, record
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.backup.create import iso
from migration_ops.runbook.backup.findings import CRITICAL, OK, UNKNOWN, finding
from migration_ops.runbook.backup.findings_restore import Objective, of_history, of_objective, of_restored
from migration_ops.runbook.backup.fingerprint import broken_chains, profile_table
from migration_ops.runbook.backup.index_keys import make_next_index, refusing_indexes
from migration_ops.runbook.backup.keys import MANIFEST, table_prefix
from migration_ops.runbook.backup.manifest import Manifest, NotVerifiedError, manifest_key, read_manifest
from migration_ops.runbook.backup.restore import load
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import raw_description
from migration_ops.runbook.backup.target import (
    ACTIVE,
    LOADED_TAG,
    TableExistsError,
    create_target,
    note,
    require_loadable,
    require_not_in_use,
    run_tag_of,
    status_of,
)
from migration_ops.runbook.backup.verify import latest_verified, verified_manifest

CREATE = "create"


class RestorePlanOperator(FindingsOperator):
    """
    Find the backup and look at the target. With `dryRun`, the default, this is all that happens.

    The target must not exist, and can never be the live table.
    """

    def execute(self, context: Context) -> Any:
        services = runbook_services(context)
        try:
            return self._plan(context, services)
        except MigrationError as error:
            # The only finding: tasks that cannot start because of this report nothing.
            wanted = context["params"]["target"] or services.settings.table_name
            record(context["ti"], [finding("restore_plan", wanted, UNKNOWN, f"nothing was restored: {error.message}")])
            raise

    def _plan(self, context: Context, services: RunbookServices) -> dict[str, Any]:
        ti, params = context["ti"], context["params"]
        live = services.settings.table_name
        base, manifest = chosen_backup(store_of(services), live, params["backup"])
        target = params["target"] or f"{live}-restored-{manifest.age_from:%Y%m%d%H%M%S}"
        self._require_free(services, target, live, ti.run_id)
        what = f"{manifest.items} items as of {manifest.consistent_at} from {base}"
        dry_run = bool(params["dryRun"])
        reason = f"{what} can be restored; nothing was changed" if dry_run else f"restores {what}"
        self.publish(ti, [finding("restore_plan", target, OK, reason, value=manifest.items)])
        return {"base": base, "sha256": manifest.sha256, "target": target, "live": live, "dryRun": dry_run}

    def _require_free(self, services: RunbookServices, target: str, live: str, run_id: str) -> None:
        """A table that this run itself made is accepted: then its plan task was cleared.

        :raises TableExistsError: the target exists, or is the live table.
        """
        client = services.reader.client("dynamodb")
        require_not_in_use(target, live)
        found = raw_description(client, target)
        if found is not None and run_tag_of(client, found["TableArn"]) != tag_value(run_id):
            raise TableExistsError("the target exists", table=target)


def chosen_backup(store: BackupStore, table: str, wanted: str | None) -> tuple[str, Manifest]:
    """
    Folder and manifest of a backup.

    :param wanted: the key of a manifest, or the folder it is in; None for the latest that was verified.
    :raises InvalidInputError: it is not in the folder of this table.
    :raises NotVerifiedError: it was never verified, or was changed since.
    :raises NoBackupError: none was named, and none was ever verified.
    """
    if not wanted:
        return latest_verified(store, table)
    base = wanted.removeprefix(f"s3://{store.bucket}/").removesuffix(MANIFEST).rstrip("/")
    if not base.startswith(table_prefix(table)):
        raise InvalidInputError("a backup of this table is below its folder", path="backup", folder=table_prefix(table))
    manifest = read_manifest(store, manifest_key(base))
    if verified_manifest(store, base) is None:
        raise NotVerifiedError("this backup was never verified, or was changed since", backup=base)
    return base, manifest


def plan_and_manifest(context: Context, services: RunbookServices, plan_task: str) -> tuple[dict[str, Any], Manifest]:
    """The result of the plan task, and the manifest of its backup.

    :raises NotVerifiedError: the backup was changed since it was chosen.
    """
    plan = pulled(context["ti"], plan_task)
    manifest = read_manifest(store_of(services), manifest_key(plan["base"]))
    if manifest.sha256 != plan["sha256"]:
        raise NotVerifiedError("the backup was changed since it was chosen", backup=plan["base"])
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
        began, client = now(), services.reader.client("dynamodb")
        require_not_in_use(plan["target"], plan["live"], services.settings.table_name)
        late = refusing_indexes(store_of(services), manifest)
        create_target(client, plan["target"], manifest, services.settings.table_name, ti.run_id, late)
        self.log.info("created %s; indexes to be made after the load: %s", plan["target"], list(late) or "none")
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
        status = status_of(runbook_services(context).reader.client("dynamodb"), target)
        self.log.info("%s is %s", target, status or "not there yet")
        return status == ACTIVE


class LoadOperator(FindingsOperator):
    """
    Write all items of the backup into the new table, parts checked as they are read.

    Cleared after it was killed, it writes all items again. A table that was loaded completely, was handed over, or is
    the one in use is refused.

    :param plan_task: whose result says which backup and which target.
    :param prefix: of the finding's check id.
    """

    def __init__(self, *, plan_task: str, prefix: str = "restore", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan_task = plan_task
        self.prefix = prefix

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        plan, manifest = plan_and_manifest(context, services, self.plan_task)
        client, target = services.reader.client("dynamodb"), plan["target"]
        # Checked right before the first write, with the settings as they are now, whatever was planned.
        arn = require_loadable(client, target, ti.run_id, plan["live"], services.settings.table_name)
        # Left before the load begins: a killed worker can leave nothing.
        push(ti, [self._half_loaded(target, "it did not finish")])
        try:
            done = load(client, store_of(services), manifest, target)
        except MigrationError as error:
            record(ti, [self._half_loaded(target, error.message)])
            raise
        note(client, arn, LOADED_TAG, iso(now()))
        push(ti, [])
        return {"items": done.items, "retried": done.retried}

    def _half_loaded(self, target: str, why: str) -> Finding:
        reason = f"the load failed, the table holds a part of the backup: {why}"
        return finding(f"{self.prefix}_load", target, CRITICAL, reason)


class IndexesSensor(BaseSensorOperator):
    """
    Make the indexes that the new table lacks, one at a time, and wait for each. It holds no worker.

    A table lacks an index only when an item of the backup has a key that the index refuses; an index that is made
    later leaves that item out, as the live table's index does.

    :param plan_task: whose result says which backup and which target.
    """

    def __init__(self, *, plan_task: str, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(mode="reschedule", **kwargs)
        self.plan_task = plan_task

    def poke(self, context: Context) -> bool:
        services = runbook_services(context)
        plan, manifest = plan_and_manifest(context, services, self.plan_task)
        require_not_in_use(plan["target"], plan["live"], services.settings.table_name)
        lacking = make_next_index(services.reader.client("dynamodb"), plan["target"], manifest.create_table)
        self.log.info("%s: %s", plan["target"], f"{lacking} indexes to come" if lacking else "all indexes are active")
        return not lacking


class CompareOperator(FindingsOperator):
    """
    Read the whole new table: number and digest of the items against the backup, and the history of every migration.

    :param prefix: of the findings' check ids.
    :param with_objectives: also compare duration and age with the recovery objectives.
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
        broken = broken_chains(services.reader.client("dynamodb"), target, profile.migrations, services.store)
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
        left = self.publish(ti, findings)
        self._hand_over(services, target)
        return left

    def _hand_over(self, services: RunbookServices, target: str) -> None:
        """Tags the table as handed over: from now on no task of this run writes into it."""
        client = services.reader.client("dynamodb")
        found = raw_description(client, target)
        if found is not None:
            note(client, found["TableArn"], HANDED_OVER_TAG, iso(now()))
