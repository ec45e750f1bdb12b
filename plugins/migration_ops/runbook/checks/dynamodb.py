"""DynamoDB tables: state, throttling, hot keys, protection, billing mode, leftovers of drills and restores."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.aws.inventory import (
    dynamodb,
    dynamodb_ledger_table,
    dynamodb_mode,
    dynamodb_performance,
)
from migration_ops.aws.inventory import (
    dynamodb_ledger_expiry as ledger_expiry,
)
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, unknown, warning
from migration_ops.core.series import total
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.backup.create import CLOCKS_DIFFER_BY
from migration_ops.runbook.checks.chapters import AUDIT, COST, HEALTH, PERFORMANCE
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.sizing import Consumption

# The table can be read and written meanwhile; an index that is being made cannot be queried yet.
CHANGING = frozenset({"CREATING", "UPDATING"})
UNUSABLE = frozenset({"ARCHIVED", "ARCHIVING", "DELETING", "INACCESSIBLE_ENCRYPTION_CREDENTIALS"})
SERIES = ("hotReads", "hotWrites", "readThrottles", "writeThrottles", "reads", "writes")
ATTRIBUTE = "expiresAt"
ON = ("ENABLED", "ENABLING")


@check(
    HEALTH,
    about=dynamodb.PARTS,
    route=Route.PAGE,
    title="Throttled requests of the ledger",
    section="Performance Tuning, DynamoDB Optimization",
    unit="requests",
    risk=("The ledger refuses requests: waves stop, or are late. A throttled index throttles the table's writes too."),
    remedy=(
        "An on-demand table throttles on a hot key or on sudden growth: find out which index. A provisioned"
        " table needs more capacity, or on-demand mode."
    ),
)
def dynamodb_table_throttles(part: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """AWS/DynamoDB sends throttle events only when there are some (DynamoDB Developer Guide, metrics)."""
    reads, writes = sum(part["readThrottles"]["values"]), sum(part["writeThrottles"]["values"])
    evidence = (f"reads {reads:g}", f"writes {writes:g}") if reads or writes else ()
    limit = limits.table.max_throttle_events
    return above(reads + writes, limit, "throttled requests", FindingStatus.CRITICAL, evidence=evidence)


@check(
    HEALTH,
    about=dynamodb.PARTS,
    route=Route.PAGE,
    title="State of the ledger's table",
    section="Daily Operations, 1. Health Check",
    risk=("Without the table nothing can be migrated; without an index no migration is found by its status."),
    remedy=(
        "Look at the table in the console. While it is changed, wait; enable a KMS key that cannot be used; "
        "switch point-in-time recovery on."
    ),
)
def dynamodb_table_status(part: Snapshot, estate: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """Whether the ledger's table and its indexes can be used, and whether the table can be restored to any second."""
    yield _state(part["status"])
    if part["kind"] != "table":
        return
    for table in estate.path("dynamodb.tables"):
        recovery = table["backups"]["pointInTime"]
        if recovery != "ENABLED":
            yield warning(f"point-in-time recovery is {recovery}", value=recovery, limit="ENABLED")


def _state(status: str) -> CheckResult:
    if status == "ACTIVE":
        return ok("active", value=status)
    if status in CHANGING:
        return warning(f"it is {status}", value=status)
    if status in UNUSABLE:
        return critical(f"it is {status}", value=status)
    return unknown(f"its status is {status}", value=status)


@check(
    HEALTH,
    about=dynamodb.TABLES,
    title="Server errors of DynamoDB",
    section="Performance Tuning, DynamoDB Optimization",
    unit="requests",
    risk=("DynamoDB failed on its own side. Such requests are retried, but waves become slow."),
    remedy=("Look at the AWS Health Dashboard of the Region; clear tasks that failed meanwhile."),
)
def dynamodb_table_system_errors(table: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Requests that DynamoDB failed on its own side (HTTP 500). No data means none."""
    by_operation = {one["operation"]: sum(one["values"]) for one in table["systemErrors"]}
    evidence = tuple(f"{name} {number:g}" for name, number in by_operation.items() if number)
    limit = limits.table.max_system_errors
    return above(sum(by_operation.values()), limit, "requests that failed", FindingStatus.WARNING, evidence=evidence)


@check(
    HEALTH,
    about=dynamodb.SCRATCH,
    title="Tables that a drill or a restore left behind",
    section="Maintenance Tasks, Quarterly 1. Disaster Recovery Drill",
    unit="h",
    empty="ok",
    risk=("It costs money, and somebody may take it for the ledger."),
    remedy=(
        "Clear clean_up in the drill, or load in the restore, that made the table; if nobody needs it, "
        "delete this table."
    ),
)
def dynamodb_scratch_table_leftover(table: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Tables that were handed over are in use; young ones may still be worked on."""
    status, hours = table["status"], table["ageHours"]
    if table.optional("handedOver") is not None or status == "DELETING":
        return None
    limit = limits.backup.max_scratch_hours
    if hours < -CLOCKS_DIFFER_BY.total_seconds() / 3600:
        return unknown(f"it was made {-hours:g} hours from now: the clocks differ", value=hours, limit=limit)
    of = f"of the run {table['run']}" if table.optional("run") is not None else "of a drill"
    if hours <= limit:
        return ok(f"{of}, {max(hours, 0):g} hours old", value=hours, limit=limit)
    return warning(f"{of}, {hours:g} hours old: nobody compared it, and nobody removed it", value=hours, limit=limit)


@check(
    AUDIT,
    about=dynamodb_ledger_table.TABLES,
    title="The ledger can be restored to any second",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    severity="medium",
    risk="After a wrong write, the ledger could only be restored to the last backup.",
    remedy=(
        "Switch point-in-time recovery on (update-continuous-backups), as in the stack: a change set does not "
        "undo what was changed outside of the stack."
    ),
    prowler=("dynamodb_tables_pitr_enabled",),
)
def dynamodb_ledger_recovery(table: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Point-in-time recovery of the ledger is on."""
    state = table["recovery"]
    return ok("", value=state) if state == "ENABLED" else warning("it is off", value=state, limit="ENABLED")


@check(
    AUDIT,
    about=dynamodb_ledger_table.TABLES,
    title="The ledger cannot be deleted by mistake",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    severity="medium",
    risk="One wrong call would delete every migration's state and history.",
    remedy=(
        "Switch it on (update-table --deletion-protection-enabled), as in the stack: a change set does not "
        "undo what was changed outside of the stack."
    ),
    prowler=("dynamodb_table_deletion_protection_enabled",),
)
def dynamodb_ledger_deletion_protection(table: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The ledger's table is protected against deletion."""
    return ok() if table["deletionProtection"] is True else warning("it is off", value=False, limit=True)


@check(
    AUDIT,
    about=dynamodb_ledger_table.TABLES,
    title="The ledger is encrypted with a key of this account",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    severity="medium",
    risk=("DynamoDB's own key is not in this account: CloudTrail records no use of it."),
    remedy=(
        "Set the table's SSESpecification (update-table), as in the stack: the AWS managed key or one of our "
        "own. A change set does not undo what was changed outside of the stack."
    ),
    prowler=("dynamodb_tables_kms_cmk_encryption_enabled",),
)
def dynamodb_ledger_encrypted(table: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The ledger is encrypted with a KMS key of this account."""
    kind = table.optional("keyType")
    if kind == "KMS":
        return ok("", value=kind)
    return warning("it is encrypted with DynamoDB's own key, outside of this account", value=kind, limit="KMS")


@check(
    COST,
    about=dynamodb_mode.TABLES,
    title="Billing mode of tables",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="USD a month",
    risk="The table is billed in the mode that costs more for this use.",
    remedy=(
        "Change the billing mode (at most four times in 24 hours), and compare again after a month. List "
        "prices of us-east-1 were compared."
    ),
)
def dynamodb_table_mode(table: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Tables that would cost less in the other billing mode, by what they consumed."""
    mode, least = table["billingMode"], limits.cost.min_amount
    used = [
        Consumption(of, tuple(part["consumed"][of]["values"]), table["hours"], part["provisioned"][of])
        for part in table["parts"]
        for of in ("reads", "writes")
    ]
    is_provisioned = mode == "PROVISIONED"
    on_demand = round(sum(one.on_demand_usd for one in used), 2)
    provisioned = round(sum(one.provisioned_usd if is_provisioned else one.scaled_usd for one in used), 2)
    saving = round(provisioned - on_demand if is_provisioned else on_demand - provisioned, 2)
    other = "PAY_PER_REQUEST" if is_provisioned else "PROVISIONED"
    seen = {
        "value": saving,
        "limit": least,
        "evidence": ({"onDemandUsdAMonth": on_demand, "provisionedUsdAMonth": provisioned, "proposed": other},),
    }
    if saving >= least:
        return warning(f"{mode}: {other} would cost about {saving:.2f} USD less a month", **seen)
    return ok(f"{mode}: {other} would not pay", **seen)


@check(
    PERFORMANCE,
    about=dynamodb_performance.TABLES,
    title="Writes of indexes",
    section="Performance Tuning, DynamoDB Optimization",
    unit="index writes per table write",
    risk="Each index multiplies the price of a write, and slows it when it throttles.",
    remedy=(
        "Drop indexes that nobody queries, project fewer attributes, and keep attributes that change "
        "often out of index keys."
    ),
)
def dynamodb_index_write_amplification(table: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult:
    """Writes of indexes per table write. A changed index key makes two: the old entry is deleted, a new one put."""
    name = table["name"]
    if not table["indexes"]:
        return ok("it has no index")
    parts = [one for one in estate.path("performance_table.parts") if one["table"] == name]
    own = sum(total(one["writes"]) for one in parts if one["kind"] == "table")
    by_index = {one["name"]: total(one["writes"]) for one in parts if one["kind"] == "index"}
    written = sum(by_index.values())
    if not own:
        return unknown("its indexes were written and the table was not") if written else ok("nothing was written")
    most = limits.performance.max_index_to_table_write_ratio
    said = "writes of its indexes against those of the table"
    return above(round(written / own, 2), most, said, FindingStatus.WARNING, evidence=({"table": own} | by_index,))


@check(
    PERFORMANCE,
    about=dynamodb_performance.PARTS,
    title="Hot keys",
    section="Performance Tuning, DynamoDB Optimization",
    unit="events",
    risk=("A partition serves 1,000 writes or 3,000 reads a second; more capacity for the table does not help."),
    remedy=("Switch Contributor Insights on to see the key; spread it (a suffix), or change the index's key."),
)
def dynamodb_hot_key(part: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """A hot key of an index (``status`` has few values) throttles the table's writes too."""
    seen = {name: total(part[name]) for name in SERIES}
    hot, most = seen["hotReads"] + seen["hotWrites"], limits.performance.max_hot_key_events
    said = f"{hot:.0f} requests refused by a single partition"
    if hot > most:
        return warning(said, value=hot, limit=most, evidence=(seen,))
    return ok(said, value=hot, limit=most)


@check(
    PERFORMANCE,
    about=ledger_expiry.TABLES,
    title="Time to live of the ledger",
    section="Performance Tuning, DynamoDB Optimization",
    risk=("With another attribute, nothing or the wrong items are deleted; without one, archived migrations stay."),
    remedy=(
        "Let migration_setup put the template's TimeToLiveSpecification back (attribute expiresAt). A "
        "second change within an hour is refused by DynamoDB."
    ),
)
def dynamodb_ledger_expiry(table: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Items of the ledger expire by ``expiresAt`` only, which only the archive sets."""
    if table["status"] not in ON:
        return warning("nothing expires: archived migrations stay for ever", value=table["status"], limit=ON[0])
    if table["attribute"] != ATTRIBUTE:
        return critical("items expire by another attribute", value=table["attribute"], limit=ATTRIBUTE)
    return ok("only what the archive marked expires", value=ATTRIBUTE, limit=ATTRIBUTE)
