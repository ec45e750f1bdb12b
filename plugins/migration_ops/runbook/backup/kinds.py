"""The kinds of finding about backups, restores and recovery drills, and about their tasks that left no result."""

from __future__ import annotations

from migration_ops.core.finding import Route
from migration_ops.core.finding_kind import FindingKind, KindTable

BACKUP_SECTION = "Maintenance Tasks, Weekly 3. Backup State"
DRILL_SECTION = "Maintenance Tasks, Quarterly 1. Disaster Recovery Drill"
# Prefixes for a drill's tables: restored from the backup, and recovered to a point in time.
FROM_BACKUP, FROM_POINT_IN_TIME = "drill_backup", "drill_pitr"
VERIFIED_BACKUP = "drill_verified_backup"

_CLEAR = "See the task's log; clear it with downstream."
_AGAIN = "Trigger runbook_backup again; look at the versions of the backup's objects in S3 and at who wrote them."
_CHAIN = "Run python -m migration_ops verify-history on the live table: is it whole there?"
_ANCHORED = (
    "Run python -m migration_ops verify-history: it names the chains and compares them with all anchors. CloudTrail"
    " data events show who wrote the table; point-in-time recovery and the backups hold the earlier items."
)
_ARCHIVED = (
    "Run python -m migration_ops verify-history --migration-id with what is named: until then it stays here. What is "
    "too large stays until the table holds more; delete nothing by hand."
)
_LOAD = "Clear the task load: it writes all items again. If the table is not needed, delete it."
_ITEMS = "Do not use the table. Restore another backup, or recover to a point in time."
_RTO = "Find the slow part in the report; raise capacity, or agree on another objective."
_RPO = "Back up more often, or turn point-in-time recovery on."
_FEWER = (
    "Look at the table, at MIGRATION_OPS_TABLE_NAME and at the Region: is it the ledger, and whole?"
    " If all is well, trigger runbook_backup with acceptFewerItems; else restore. An earlier backup that is unreadable:"
    " bring back the object's version in S3, or delete that backup."
)


def _backup(check_id: str, title: str, remedy: str, unit: str = "", route: Route = Route.WARN) -> FindingKind:
    return FindingKind(check_id=check_id, title=title, section=BACKUP_SECTION, remedy=remedy, unit=unit, route=route)


def _drill(check_id: str, title: str, remedy: str, unit: str = "") -> FindingKind:
    return FindingKind(check_id=check_id, title=title, section=DRILL_SECTION, remedy=remedy, unit=unit)


BACKUP_KINDS = KindTable(
    _backup("backup_made", "Backup of the ledger", _CLEAR, "items"),
    _backup(
        "backup_point_in_time",
        "Point-in-time recovery of the ledger",
        "Turn point-in-time recovery on (migration_setup does): a scan does not show one moment.",
    ),
    _backup(
        "backup_written_during",
        "Writes while the backup was read",
        "Turn point-in-time recovery on, or back up while no wave is running.",
        "migrations",
    ),
    _backup("backup_read_back", "Backup read back from the bucket", _AGAIN, "items", Route.PAGE),
    _backup(
        "backup_gap",
        "Time between two backups",
        "Look at the runs of runbook_backup in between: paused, red, or not scheduled?",
        "h",
    ),
    _backup("backup_items", "Items compared with the backup before", _FEWER, "items", Route.PAGE),
    _backup(
        "backup_place",
        "Account and Region of the backups",
        "Allow s3:GetBucketLocation on the backup bucket, or correct backupBucket and its owner in resources.yaml.",
    ),
    _backup(
        "backup_retention",
        "Retention of backups",
        "Look at the named keys and backups; delete by hand what nobody needs.",
        "backups",
    ),
    _backup("ledger_archived", "Archive of ended migrations", _ARCHIVED, "migrations"),
    _backup("ledger_anchored", "Chains of the ledger compared with their anchors", _ANCHORED, "chains", Route.PAGE),
)

RESTORE_KINDS = KindTable(
    _backup(
        "restore_plan",
        "Plan of a restore",
        "Fix what the reason names, then clear the task plan with downstream.",
        "items",
    ),
    _backup("restore_load", "Load of the restored table", _LOAD),
    _backup("restore_items", "Items of the restored table", _ITEMS, "items"),
    _backup("restore_history", "Histories in the restored table", _CHAIN, "migrations"),
)

DRILL_KINDS = KindTable(
    _drill(
        VERIFIED_BACKUP,
        "Verified backup for the drill",
        "When the ledger holds migrations, trigger runbook_backup; when that is green, clear begin with downstream.",
    ),
    _drill(
        "drill_left_over",
        "Tables left by other drills",
        "Clear clean_up in the drill that made the table, or delete it by hand.",
    ),
    _drill(f"{FROM_BACKUP}_load", "Load of the drill's table", _LOAD),
    _drill(f"{FROM_BACKUP}_items", "Items restored by the drill", _ITEMS, "items"),
    _drill(f"{FROM_BACKUP}_history", "Histories restored by the drill", _CHAIN, "migrations"),
    _drill(f"{FROM_BACKUP}_rto", "Recovery time from the backup", _RTO, "min"),
    _drill(f"{FROM_BACKUP}_rpo", "Recovery point of the backup", _RPO, "min"),
    _drill(f"{FROM_POINT_IN_TIME}_items", "Items recovered to a point in time", _ITEMS, "items"),
    _drill(f"{FROM_POINT_IN_TIME}_history", "Histories recovered to a point in time", _CHAIN, "migrations"),
    _drill(f"{FROM_POINT_IN_TIME}_rto", "Recovery time to a point in time", _RTO, "min"),
    _drill(f"{FROM_POINT_IN_TIME}_rpo", "Recovery point in time", _RPO, "min"),
    _drill(
        "drill_clean_up",
        "Scratch tables of the drill",
        "Clear the task clean_up; delete a named table by hand when nobody needs it.",
    ),
    _drill(
        "drill_rollback",
        "Rehearsed rollback",
        "Read the failed step's log. The rehearsal runs on a sandbox: nothing real is touched.",
    ),
)

# Findings about tasks that left no result; the check id is the task id.
TASK_KINDS = KindTable(
    *(
        _backup(task_id, title, _LOAD if task_id == "load" else _CLEAR)
        for task_id, title in {
            "scan": "Task scan of a backup",
            "seal": "Task seal of a backup",
            "verify": "Task verify of a backup",
            "expire": "Task expire of a backup",
            "anchors": "Task anchors of a backup",
            "archive": "Task archive of a backup",
            "plan": "Task plan of a restore",
            "load": "Task load of a restore",
            "compare": "Task compare of a restore",
            "begin": "Task begin of a drill",
            "recover": "Task recover of a drill",
            "compare_recovered": "Task compare_recovered of a drill",
            "rehearsed": "Task rehearsed of a drill",
            "clean_up": "Task clean_up of a drill",
        }.items()
    )
)
