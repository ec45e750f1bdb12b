"""Findings about the anchors of the ledger, which are written beside each backup."""

from __future__ import annotations

from migration_ops.core.finding import Finding
from migration_ops.ledger.anchors import Anchor
from migration_ops.runbook.backup.findings import CRITICAL, OK, WARNING, finding

CHECK_ID = "ledger_anchored"
PROBLEMS_SHOWN = 20


def of_anchors(table: str, key: str, heads: int, problems: list[str], before: Anchor | None) -> Finding:
    """
    :param heads: how many chains were anchored.
    :param problems: one text per chain that no longer continues from its earlier anchor.
    :param before: the anchor that was compared with; None when this is the first.
    """
    since = f"all continue from the anchor of {before.written_at}" if before else "the first anchor of every chain"
    return finding(
        CHECK_ID,
        table,
        CRITICAL if problems else OK,
        f"{len(problems)} chains do not continue from where they were anchored; the first: {problems[0]}"
        if problems
        else f"{heads} chains in {key}; {since}",
        value=len(problems),
        limit=0,
        evidence=tuple(problems[:PROBLEMS_SHOWN]),
    )


def of_no_anchors(table: str) -> Finding:
    reason = "no evidence bucket is set: nothing is anchored, and whoever may write the table can hide changes"
    return finding(CHECK_ID, table, WARNING, reason)
