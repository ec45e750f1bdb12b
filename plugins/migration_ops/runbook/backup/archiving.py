"""The finding about the archive of the ledger."""

from __future__ import annotations

from migration_ops.core.finding import Finding
from migration_ops.ledger.archiving import ArchivingResult
from migration_ops.runbook.backup.findings import CRITICAL, OK, finding

CHECK_ID = "ledger_archived"
PROBLEMS_SHOWN = 20


def of_archive(table: str, done: ArchivingResult) -> Finding:
    """CRITICAL when a migration could not be archived: it stays in the table, and a person must look."""
    waiting = f", {len(done.left)} are due and wait for a later night" if done.left else ""
    reason = f"{len(done.archived)} migrations archived{waiting}"
    if done.problems:
        reason = f"{len(done.problems)} migrations could not be archived; the first: {done.problems[0]}"
    return finding(
        CHECK_ID,
        table,
        CRITICAL if done.problems else OK,
        reason,
        value=len(done.problems),
        limit=0,
        evidence=done.problems[:PROBLEMS_SHOWN],
    )
