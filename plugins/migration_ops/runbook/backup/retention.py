"""Which backups are old enough to go. The newest verified one never goes, and nothing goes by guess."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from migration_ops.runbook.backup.keys import Found, found_in, table_prefix
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.verify import newest_verified


@dataclass(frozen=True)
class Sorted:
    """
    :param expired: finished, beyond the retention, and not the last verified one.
    :param incomplete: without a manifest and beyond the retention: left behind by runs that were killed.
    :param left: without a manifest, but younger: somebody may still want to look.
    :param strange: keys that belong to no backup; they are not touched.
    """

    kept: tuple[Found, ...]
    expired: tuple[Found, ...]
    incomplete: tuple[Found, ...]
    left: tuple[Found, ...]
    strange: tuple[str, ...]


def sort_out(
    found: list[Found], strange: list[str], last_verified: str | None, today: date, retention_days: int
) -> Sorted:
    """
    :param last_verified: where the newest verified backup is; None when there is none, and then nothing finished goes.
    """
    first_kept = today - timedelta(days=retention_days)
    finished = [one for one in found if one.is_finished]
    unfinished = [one for one in found if not one.is_finished]
    expired = [one for one in finished if one.day < first_kept and last_verified not in (None, one.base)]
    return Sorted(
        kept=tuple(one for one in finished if one not in expired),
        expired=tuple(expired),
        incomplete=tuple(one for one in unfinished if one.day < first_kept),
        left=tuple(one for one in unfinished if one.day >= first_kept),
        strange=tuple(strange),
    )


def expire(store: BackupStore, table: str, today: date, retention_days: int) -> Sorted:
    """Deletes what is beyond its retention; says what it did and what it left.

    :raises MigrationError: S3 cannot say what there is, or refused to delete something.
    """
    found, strange = found_in(store.objects(table_prefix(table)))
    newest = newest_verified(store, found)
    sorted_out = sort_out(found, strange, newest[0] if newest else None, today, retention_days)
    for one in (*sorted_out.expired, *sorted_out.incomplete):
        store.delete(one.keys_to_delete)
    return sorted_out
