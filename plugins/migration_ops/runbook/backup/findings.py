"""Findings about backups, and what all findings of this chapter share."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from migration_ops.core.finding import Finding, FindingVerdict, Route
from migration_ops.runbook.backup.manifest import EXPORT, Manifest
from migration_ops.runbook.backup.retention import Sorted
from migration_ops.runbook.backup.verify import PROBLEMS_SHOWN, Verified

CRITICAL, UNKNOWN, WARNING, OK = FindingVerdict
BACKUP_SECTION = "Maintenance Tasks, Weekly 3. Backup State"
DRILL_SECTION = "Maintenance Tasks, Quarterly 1. Disaster Recovery Drill"
_AGAIN = "Trigger runbook_backup again; look at the versions of the backup's objects in S3 and at who wrote them."
_CHAIN = "Run migration_ops.ledger.verify_history on the live table: is it whole there?"
_REMEDIES = {
    "backup_made": "See the task's log; clear it with downstream.",
    "backup_point_in_time": "Turn point-in-time recovery on (migration_setup does): a scan is no moment in time.",
    "backup_written_during": "Turn point-in-time recovery on, or back up while no wave is running.",
    "backup_read_back": _AGAIN,
    "backup_gap": "Look at the runs of runbook_backup in between: paused, red, or not scheduled?",
    "backup_retention": "Look at what is named; delete by hand what is nobody's.",
    "items": "Do not use the table. Restore another backup, or recover to a point in time.",
    "history": _CHAIN,
    "rto": "Find the slow part in the report; raise capacity, or agree another objective.",
    "rpo": "Back up more often, or turn point-in-time recovery on.",
    "drill_clean_up": "Clear the task clean_up; delete by hand what is named and nobody's.",
    "drill_left_over": "Clear clean_up in the drill that made the table, or delete it by hand.",
    "drill_rollback": "Read the failed step's log: on this sandbox nothing real is touched.",
}


def finding(
    check_id: str,
    resource: str,
    verdict: FindingVerdict,
    reason: str,
    *,
    value: Any = None,
    limit: Any = None,
    unit: str = "",
    evidence: tuple[Any, ...] = (),
) -> Finding:
    """With the runbook's section, and what to do unless all is well."""
    kind = check_id if check_id in _REMEDIES else check_id.rsplit("_", 1)[-1]
    return Finding(
        check_id=check_id,
        resource=resource,
        verdict=verdict,
        value=value,
        limit=limit,
        unit=unit,
        reason=reason,
        evidence=evidence,
        remedy="" if verdict is OK else _REMEDIES.get(kind, _REMEDIES["backup_made"]),
        section=DRILL_SECTION if check_id.startswith("drill_") else BACKUP_SECTION,
        route=Route.PAGE if check_id == "backup_read_back" else Route.WARN,
    )


def of_made(manifest: Manifest) -> list[Finding]:
    """That there is a backup, and how consistent it is."""
    made = finding(
        "backup_made",
        manifest.table,
        OK,
        f"{manifest.mode} as of {manifest.consistent_at}: {manifest.items} items in {len(manifest.parts)} parts",
        value=manifest.items,
        unit="items",
    )
    if manifest.mode == EXPORT:
        return [made]
    off = finding(
        "backup_point_in_time",
        manifest.table,
        OK if manifest.settings["pointInTimeRecovery"] else WARNING,
        "point-in-time recovery is on" if manifest.settings["pointInTimeRecovery"] else "no point-in-time recovery",
    )
    number = len(manifest.written_during)
    during = finding(
        "backup_written_during",
        manifest.table,
        WARNING if number else OK,
        f"{number} migrations were written while the table was read: their record and history may not fit together"
        if number
        else "nothing was written while the table was read",
        value=number,
        limit=0,
        unit="migrations",
        evidence=manifest.written_during[:PROBLEMS_SHOWN],
    )
    return [made, off, during]


def of_verified(verified: Verified, base: str) -> Finding:
    problems = verified.problems
    return finding(
        "backup_read_back",
        base,
        CRITICAL if problems else OK,
        f"{len(problems)} problems; the first: {problems[0]}" if problems else "read back, and all as it was written",
        value=verified.items,
        limit=verified.manifest.items,
        unit="items",
        evidence=problems[:PROBLEMS_SHOWN],
    )


def of_gap(table: str, before: Manifest | None, now: Manifest, max_age_hours: int) -> Finding:
    """How long there was no newer backup than the one before."""
    if before is None:
        return finding("backup_gap", table, OK, "the first verified backup")
    hours = (now.age_from - before.age_from) / timedelta(hours=1)
    verdict = WARNING if hours > max_age_hours else OK
    reason = f"{hours:.1f} h after the one before"
    return finding("backup_gap", table, verdict, reason, value=round(hours, 2), limit=max_age_hours, unit="h")


def of_retention(table: str, sorted_out: Sorted) -> Finding:
    """What was removed is no fault; what nobody can place is worth a look."""
    odd = [*sorted_out.strange, *(one.base for one in sorted_out.left)]
    return finding(
        "backup_retention",
        table,
        WARNING if odd else OK,
        f"{len(sorted_out.kept)} kept; removed: {len(sorted_out.expired)} expired, {len(sorted_out.incomplete)} old"
        f" unfinished; left alone: {len(sorted_out.left)} unfinished, {len(sorted_out.strange)} strange keys",
        value=len(sorted_out.kept),
        unit="backups",
        evidence=tuple(odd[:PROBLEMS_SHOWN]),
    )
