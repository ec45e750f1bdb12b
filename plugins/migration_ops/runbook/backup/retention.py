"""Which backups are past their retention. The newest verified one is always kept; unknown keys are not touched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from migration_ops.runbook.backup.keys import Found, found_in, table_prefix
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.verify import newest_marked


@dataclass(frozen=True)
class Sorted:
    """
    :param expired: finished, past the retention, and not the newest verified one.
    :param incomplete: without a manifest and past the retention: left by runs that were killed.
    :param left: without a manifest, but younger: kept, so that somebody can look.
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
    Sorts backups by what becomes of them.

    :param last_verified: base of the newest verified backup; None when there is none: then no finished one expires.
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
    """Deletes what is past its retention; returns what was deleted and what was kept.

    :raises MigrationError: S3 could not list the backups, or refused to delete something.
    """
    found, strange = found_in(store.objects(table_prefix(table)))
    newest = newest_marked(store, found, lambda one: one.is_candidate) or newest_marked(store, found, lambda _: True)
    sorted_out = sort_out(found, strange, newest.base if newest else None, today, retention_days)
    for one in (*sorted_out.expired, *sorted_out.incomplete):
        store.delete(one.keys_to_delete)
    return sorted_out
