"""How many items earlier backups held. Without this comparison a wiped ledger looks like a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from migration_ops.core.errors import MigrationError, UnknownError
from migration_ops.runbook.backup.keys import PREFIX, Found, found_in, table_of, table_prefix
from migration_ops.runbook.backup.manifest import Manifest, manifest_key, read_manifest
from migration_ops.runbook.backup.store import BackupStore, is_absent
from migration_ops.runbook.backup.verify import Marked, read_marked

T = TypeVar("T")


@dataclass
class Earlier:
    """
    :param verified: the newest verified backup of the table before this one.
    :param fullest: when there is none: the unverified manifest with the most items before this one, or else the newest
        verified backup of another table in the bucket.
    :param unread: earlier backups that could not be read, and may be newer than the one compared with.
    """

    verified: Marked | None = None
    fullest: Manifest | None = None
    unread: list[str] = field(default_factory=list)

    @property
    def reference(self) -> Manifest | None:
        """What a backup is compared with; None when there never was one."""
        return self.verified.manifest if self.verified else self.fullest


def look_back(store: BackupStore, base: str, manifest: Manifest) -> Earlier:
    """
    The backups begun before this one.

    :param base: where this backup is.
    :raises MigrationError: S3 failed in a way that a retry may help; all else that could not be read is in ``unread``.
    """
    found, _ = found_in(store.objects(table_prefix(manifest.table)))
    day = next((one.day for one in found if one.base == base), None)
    own = [one for one in found if one.base != base and (day is None or one.day <= day)]
    earlier = Earlier()
    earlier.verified = _newest(store, own, earlier, before=manifest.started_at)
    if earlier.verified is None:
        earlier.fullest = _fullest(store, own, earlier, manifest)
    if earlier.reference is None and not earlier.unread:
        everything, _ = found_in(store.objects(f"{PREFIX}/"))
        others = [one for one in everything if table_of(one.base) != manifest.table]
        other = _newest(store, others, earlier, before="")
        earlier.fullest = other.manifest if other else None
    return earlier


def newest_of_nothing(store: BackupStore, found: list[Found]) -> tuple[str, Manifest] | None:
    """
    The newest finished backup of an empty ledger, when no earlier backup ever held an item: its base and manifest.

    :param found: the table's backups, as a listing shows them.
    :raises UnknownError: a backup cannot be read: it may have held something.
    :raises MigrationError: S3 could not be asked.
    """
    seen = Earlier()
    finished = [one.base for one in found if one.is_finished and not one.is_refused]
    read = [(base, _read(store, base, _manifest_at, seen)) for base in finished]
    if seen.unread:
        raise UnknownError("a backup cannot be read: nobody knows whether it held anything", base=seen.unread[0])
    empty = [(base, manifest) for base, manifest in read if manifest is not None and not manifest.items]
    if not empty:
        return None
    base, manifest = max(empty, key=lambda one: one[1].started_at)
    before = look_back(store, base, manifest)
    return None if before.reference or before.unread else (base, manifest)


def _newest(store: BackupStore, found: list[Found], earlier: Earlier, before: str) -> Marked | None:
    """:param before: only backups begun before this moment, ISO 8601; empty for all."""
    marked = [one for one in found if one.says_verified]
    for day in sorted({one.day for one in marked}, reverse=True):
        of_day = [_read(store, one.base, read_marked, earlier) for one in marked if one.day == day]
        whole = [
            one
            for one in of_day
            if one is not None and one.is_candidate and (not before or one.manifest.started_at < before)
        ]
        if whole:
            return max(whole, key=lambda one: (one.manifest.started_at, one.base))
    return None


def _fullest(store: BackupStore, own: list[Found], earlier: Earlier, manifest: Manifest) -> Manifest | None:
    """Of finished, unverified ones. An unfinished one shows that there were items, not how many: it is unread."""
    finished = [_read(store, one.base, _manifest_at, earlier) for one in own if one.is_finished]
    filled = [one for one in finished if one is not None and one.items and one.started_at < manifest.started_at]
    if not filled and not manifest.items:
        earlier.unread += [one.base for one in own if not one.is_finished and any("/part-" in key for key in one.keys)]
    return max(filled, key=lambda one: one.items, default=None)


def _manifest_at(store: BackupStore, base: str) -> Manifest:
    return read_manifest(store, manifest_key(base))


def _read(store: BackupStore, base: str, how: Callable[[BackupStore, str], T], earlier: Earlier) -> T | None:
    try:
        return how(store, base)
    except MigrationError as error:
        if error.retryable:
            raise
        if not is_absent(error) and base not in earlier.unread:
            earlier.unread.append(base)
        return None
