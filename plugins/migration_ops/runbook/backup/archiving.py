"""The finding about the archive of the ledger."""

from __future__ import annotations

from migration_ops.core.finding import Finding
from migration_ops.ledger.archiving import ArchivingResult
from migration_ops.runbook.backup.findings import CRITICAL, OK, WARNING, finding

CHECK_ID = "ledger_archived"
PROBLEMS_SHOWN = 20


def of_archive(table: str, done: ArchivingResult) -> Finding:
    """
    CRITICAL when a history is not whole: that migration stays in the table, and somebody must look.

    WARNING when a migration is too large to be archived in any night.
    """
    waiting = f", {len(done.left)} are due and wait for a later night" if done.left else ""
    reason = f"{len(done.archived)} migrations archived{waiting}"
    verdict, named = OK, done.problems or done.too_large
    if done.problems:
        verdict = CRITICAL
        reason = f"{len(done.problems)} migrations could not be archived; the first: {done.problems[0]}"
    elif done.too_large:
        verdict = WARNING
        reason += f"; {len(done.too_large)} are too large for this table and stay; the first: {done.too_large[0]}"
    return finding(
        CHECK_ID,
        table,
        verdict,
        reason,
        value=len(named),
        limit=0,
        evidence=(*done.problems, *done.too_large)[:PROBLEMS_SHOWN],
    )
