"""Whether the chains of a table continue from the last anchor of all chains. Cheap enough for a scheduled check."""

from __future__ import annotations

from migration_ops.ledger.anchors import Anchor, Head
from migration_ops.ledger.items import history_key, text_of
from migration_ops.ledger.table import Table


def not_continued(table: Table, before: Anchor, heads: tuple[Head, ...]) -> list[str]:
    """
    What was anchored before and has changed since, as messages. It needs one BatchGetItem per 100 migrations that were
    written since.

    A migration that was archived may be gone, or started again: ``verify-history`` reads its copy.

    :raises MigrationError: DynamoDB refused, or did not answer.
    """
    now = {one.migration_id: one for one in heads}
    written = [old for old in before.heads if old.migration_id in now and now[old.migration_id].sequence > old.sequence]
    lines = table.get([history_key(one.migration_id, one.sequence) for one in written])
    problems = []
    for old in before.heads:
        new, key = now.get(old.migration_id), history_key(old.migration_id, old.sequence)
        problem = _unwritten(old, new) if new is None or new.sequence <= old.sequence else ""
        if new is not None and new.sequence > old.sequence and text_of(lines.get(key), "digest") != old.digest:
            problem = (
                "" if key not in lines and new.archived_sequence >= old.sequence else "the line was edited or deleted"
            )
        if problem and not _began_anew(old, new):
            problems.append(f"{key}: {problem} since {before.written_at}")
    return problems


def _unwritten(old: Head, new: Head | None) -> str:
    if new is None:
        return "the migration is gone"
    if new.sequence < old.sequence:
        return "the history was shortened or reset"
    if new.digest != old.digest:
        return "the history was computed again"
    return "" if new.record_digest == old.record_digest else "the record was edited"


def _began_anew(old: Head, new: Head | None) -> bool:
    """Whether it was archived up to its last line, so that DynamoDB may have deleted it."""
    return bool(old.archive_key) and old.archived_sequence == old.sequence and (new is None or new.digest != old.digest)
