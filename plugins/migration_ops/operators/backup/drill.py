"""The operators of ``runbook_dr_drill`` besides those of a restore: begin, recover to a point in time, clean up."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from migration_ops.core.errors import BlockedError
from migration_ops.core.finding import Finding
from migration_ops.operators.backup.backup import now
from migration_ops.operators.backup.base import described, pulled, scanning_client, store_of
from migration_ops.operators.base import DocumentedOperator, doc_of
from migration_ops.operators.runbook.base import FindingsOperator, push, record
from migration_ops.operators.runbook.services import RunbookServices, runbook_services
from migration_ops.runbook.backup.create import iso
from migration_ops.runbook.backup.drill import Scratch, clean_up, left_over, require_free_names, start_recovery, tag
from migration_ops.runbook.backup.findings import CRITICAL, OK, UNKNOWN, WARNING, finding
from migration_ops.runbook.backup.findings_restore import Objective, of_history, of_objective, of_recovered
from migration_ops.runbook.backup.fingerprint import broken_chains, compare_samples, profile_table
from migration_ops.runbook.backup.kinds import FROM_POINT_IN_TIME, VERIFIED_BACKUP
from migration_ops.runbook.backup.manifest import Manifest, NoBackupError
from migration_ops.runbook.backup.table import raw_description
from migration_ops.runbook.backup.verify import latest_verified

BEGIN, RECOVER = "begin", "recover"


def scratch_of(plan: dict[str, Any], run_id: str) -> Scratch:
    return Scratch(run_id, plan["live"], plan["sourceArn"], datetime.fromisoformat(plan["began"]))


class BeginDrillOperator(FindingsOperator):
    """
    Find the latest verified backup and make sure that the names of this drill's scratch tables are free.

    Tables that another drill left behind are named, not touched. Without a verified backup the drill ends here, with
    one finding.
    """

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        client = services.reader.client("dynamodb")
        live = described(services, services.settings.table_name)
        began = now().replace(microsecond=0)
        scratch = Scratch(ti.run_id, live.name, live.arn, began)
        require_free_names(client, scratch)
        base, manifest = self._verified_backup(ti, services, live.name)
        lost = left_over(client, scratch)
        reason = f"{len(lost)} tables of other drills" if lost else "no tables of other drills"
        left = finding("drill_left_over", live.name, WARNING if lost else OK, reason, evidence=tuple(lost[:20]))
        there = finding(VERIFIED_BACKUP, live.name, OK, f"{base}, as of {manifest.consistent_at}")
        self.publish(ti, [there, left])
        return {
            "base": base,
            "sha256": manifest.sha256,
            "target": scratch.from_backup,
            "recovered": scratch.from_point_in_time,
            "live": live.name,
            "sourceArn": live.arn,
            "began": began.isoformat(),
            "dryRun": False,
            "hasPitr": live.has_pitr,
            "latestRestorable": live.latest_restorable.isoformat() if live.latest_restorable else None,
        }

    def _verified_backup(self, ti: Any, services: RunbookServices, table: str) -> tuple[str, Manifest]:
        """:raises NoBackupError: there is none; that is then the only finding of the drill."""
        try:
            return latest_verified(store_of(services), table)
        except NoBackupError as error:
            reason = "there is no verified backup to restore: whether the ledger can be restored, nobody knows"
            record(ti, [finding(VERIFIED_BACKUP, table, UNKNOWN, f"{reason} ({error.message})")])
            raise


class RecoverOperator(DocumentedOperator):
    """
    Start RestoreTableToPointInTime into a scratch table, as of the latest restorable moment.

    Red (CRITICAL) when point-in-time recovery is off.
    """

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        plan = pulled(ti, BEGIN)
        if not plan["hasPitr"]:
            off = finding(
                f"{FROM_POINT_IN_TIME}_items",
                plan["live"],
                CRITICAL,
                "point-in-time recovery is off: nothing to recover",
            )
            record(ti, [off])
            raise AirflowFailException(off.reason)
        began = now()
        moment = start_recovery(runbook_services(context).reader.client("dynamodb"), scratch_of(plan, ti.run_id))
        return {"began": began.isoformat(), "as of": moment.isoformat() if moment else None}


class CompareRecoveredOperator(FindingsOperator):
    """
    Compare the recovered table with the live one: count, digest, a sample of items not written since, histories.

    Duration and age are compared with the recovery objectives (RTO, RPO).
    """

    def execute(self, context: Context) -> Any:
        ti = context["ti"]
        services = runbook_services(context)
        plan, started = pulled(ti, BEGIN), pulled(ti, RECOVER)
        client, scratch = services.reader.client("dynamodb"), scratch_of(plan, ti.run_id)
        tag(client, scratch)
        table = scratch.from_point_in_time
        as_of = _as_of(client, table)
        recovered = profile_table(scanning_client(services), table)
        broken = broken_chains(client, table, recovered.migrations, services.store)
        # The time for RTO ends here: the live table is read for the comparison only.
        ready = now()
        live = profile_table(scanning_client(services), plan["live"])
        difference = compare_samples(live.sample, recovered.sample, iso(as_of))
        limits = services.config.thresholds.backup
        rto, rpo = Objective("rto", limits.rto_minutes), Objective("rpo", limits.rpo_minutes)
        return self.publish(
            ti,
            [
                of_recovered(FROM_POINT_IN_TIME, table, live, recovered, difference),
                of_history(FROM_POINT_IN_TIME, table, len(recovered.migrations), broken),
                of_objective(FROM_POINT_IN_TIME, table, rto, datetime.fromisoformat(started["began"]), ready),
                of_objective(FROM_POINT_IN_TIME, table, rpo, as_of, datetime.fromisoformat(started["began"])),
            ],
        )


def _as_of(client: Any, table: str) -> datetime:
    """The moment as of which the table was restored (DynamoDB DescribeTable, RestoreSummary).

    :raises BlockedError: the table was not restored.
    """
    found = raw_description(client, table) or {}
    moment = (found.get("RestoreSummary") or {}).get("RestoreDateTime")
    if not isinstance(moment, datetime):
        raise BlockedError("DynamoDB does not say as of when the table is", table=table)
    return moment


class CleanUpSensor(BaseSensorOperator):
    """
    Remove the scratch tables of this drill, whatever happened before, and wait until they are gone.

    Only tables with the names of this run that have its tag, or were recovered from our table since it began, are
    deleted.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("doc_md", doc_of(type(self)))
        super().__init__(mode="reschedule", **kwargs)

    def poke(self, context: Context) -> bool:
        ti = context["ti"]
        plan = ti.xcom_pull(task_ids=BEGIN)
        if plan is None:
            raise AirflowSkipException("the drill never began: no table was made")
        services = runbook_services(context)
        done = clean_up(services.reader.client("dynamodb"), scratch_of(plan, ti.run_id), services.settings.table_name)
        self.log.info("still there: %s; not ours: %s", list(done.pending), list(done.foreign))
        left = self._findings(plan, done.pending, done.foreign)
        push(ti, left)
        if done.foreign and not done.pending:
            raise AirflowFailException(left[0].reason)
        return not done.pending

    def _findings(self, plan: dict[str, Any], pending: tuple[str, ...], foreign: tuple[str, ...]) -> list[Finding]:
        there = pending + foreign
        verdict = CRITICAL if there else OK
        reason = f"{len(there)} scratch tables are still there" if there else "no scratch table is left"
        return [finding("drill_clean_up", plan["live"], verdict, reason, evidence=there)]
