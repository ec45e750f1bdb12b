"""Findings about backups, and how all findings of this package are made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from migration_ops.core.finding import CheckResult, Finding, FindingStatus
from migration_ops.core.finding_kind import KindTable
from migration_ops.runbook.backup.kinds import BACKUP_KINDS, DRILL_KINDS, RESTORE_KINDS
from migration_ops.runbook.backup.manifest import EXPORT, Manifest
from migration_ops.runbook.backup.retention import Sorted
from migration_ops.runbook.backup.verify import PROBLEMS_SHOWN, Verified

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
_KINDS = KindTable(*BACKUP_KINDS.values(), *RESTORE_KINDS.values(), *DRILL_KINDS.values())


def finding(
    check_id: str,
    resource: str,
    verdict: FindingStatus,
    reason: str,
    *,
    value: Any = None,
    limit: Any = None,
    evidence: tuple[Any, ...] = (),
) -> Finding:
    """
    A finding of this package.

    :raises UnknownFindingKindError: ``kinds`` has no such check id.
    """
    return _KINDS[check_id].finding(resource, CheckResult(verdict, reason, value, limit, evidence))


def of_made(manifest: Manifest) -> list[Finding]:
    """The backup that was made, and how consistent it is."""
    made = finding(
        "backup_made",
        manifest.table,
        OK,
        f"{manifest.mode} as of {manifest.consistent_at}: {manifest.items} items in {len(manifest.parts)} parts"
        if manifest.items
        else f"{manifest.mode} as of {manifest.consistent_at}: the table is empty, nothing to back up",
        value=manifest.items,
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
        evidence=problems[:PROBLEMS_SHOWN],
    )


def of_gap(
    table: str, before: Manifest | None, now: Manifest, max_age_hours: int, unread: Sequence[str] = ()
) -> Finding:
    """The time between this backup and the verified one before it.

    :param unread: bases of earlier backups that cannot be read.
    """
    if unread:
        reason = f"{len(unread)} earlier backups cannot be read: nobody knows when the last one was"
        return finding("backup_gap", table, UNKNOWN, reason, evidence=tuple(unread[:PROBLEMS_SHOWN]))
    if before is None:
        return finding("backup_gap", table, OK, "no verified backup before this one")
    hours = (now.age_from - before.age_from) / timedelta(hours=1)
    verdict = WARNING if hours > max_age_hours else OK
    reason = f"{hours:.1f} h after the one before"
    return finding("backup_gap", table, verdict, reason, value=round(hours, 2), limit=max_age_hours)


def of_retention(table: str, sorted_out: Sorted) -> Finding:
    """Removed backups are no fault; unfinished ones that are kept, and keys of no backup, are a WARNING."""
    odd = [*sorted_out.strange, *(one.base for one in sorted_out.left)]
    return finding(
        "backup_retention",
        table,
        WARNING if odd else OK,
        f"{len(sorted_out.kept)} kept; removed: {len(sorted_out.expired)} expired, {len(sorted_out.incomplete)} old"
        f" unfinished; left alone: {len(sorted_out.left)} unfinished, {len(sorted_out.strange)} strange keys",
        value=len(sorted_out.kept),
        evidence=tuple(odd[:PROBLEMS_SHOWN]),
    )
