"""Reads a whole backup back from S3 and compares it with its manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration_ops.core.batches import side_by_side
from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.create import iso
from migration_ops.runbook.backup.jsonl import Reading, read_lines
from migration_ops.runbook.backup.keys import VERIFIED, Found, found_in, table_prefix
from migration_ops.runbook.backup.manifest import (
    EXPORT,
    BackupNotWholeError,
    Manifest,
    NoBackupError,
    Part,
    manifest_key,
    read_manifest,
)
from migration_ops.runbook.backup.serialization import Tally, canonical_lines
from migration_ops.runbook.backup.store import BackupStore, is_absent

AT_ONCE = 4
PROBLEMS_SHOWN = 20
# Member of a mark: a person accepted that the backup holds far fewer items, or none.
ACCEPTED = "acceptedFewer"


@dataclass(frozen=True)
class Verified:
    """:param problems: empty when every object is what the manifest says."""

    manifest: Manifest
    problems: tuple[str, ...]
    items: int
    digest: str


def verify_backup(store: BackupStore, base: str) -> Verified:
    """
    Reads every part. Problems of parts are in the result.

    :raises BackupNotWholeError: there is no manifest, or it was edited.
    :raises MigrationError: S3 could not be read.
    """
    manifest = read_manifest(store, manifest_key(base))
    tally, problems = Tally(), [*_strange_keys(manifest, base)]
    for found, wrong in side_by_side(manifest.parts, lambda part: _part(store, part, manifest.mode), AT_ONCE):
        tally.merge(found)
        problems += wrong
    if tally.items != manifest.items:
        problems.append(f"{tally.items} items in the parts, {manifest.items} in the manifest")
    if tally.digest != manifest.digest:
        problems.append("the items are not those of the manifest: their digest differs")
    return Verified(manifest, tuple(problems), tally.items, tally.digest)


def _strange_keys(manifest: Manifest, base: str) -> list[str]:
    """Problems of the keys in a manifest: outside of ``base``, or named twice."""
    keys = [part.key for part in manifest.parts]
    outside = [f"{key}: is not below {base}" for key in keys if not key.startswith(f"{base}/")]
    return outside + ([] if len(set(keys)) == len(keys) else ["the manifest names a part twice"])


def _part(store: BackupStore, part: Part, mode: str) -> tuple[Tally, list[str]]:
    tally, reading = Tally(), Reading()
    # Our own lines are canonical as they are; those of an export are DynamoDB's.
    take = (lambda lines: tally.add_all(canonical_lines(lines))) if mode == EXPORT else tally.add_all
    try:
        read_lines(store, part.key, reading, take)
    except BackupNotWholeError as error:
        return tally, [f"{part.key}: {error.message}"]
    seen = {"items": reading.items, "bytes": reading.bytes, "sha256": reading.sha256.hexdigest()}
    expected = {"items": part.items, "bytes": part.bytes, "sha256": part.sha256}
    return tally, [
        f"{part.key}: {name} is {seen[name]}, the manifest says {expected[name]}"
        for name in seen
        if seen[name] != expected[name]
    ]


def mark_verified(
    store: BackupStore, base: str, verified: Verified, at: datetime, *, accepted_fewer: bool = False
) -> None:
    """Writes the mark of verification beside the backup, bound to the manifest: an edited manifest loses it.

    :param accepted_fewer: a person accepted that it holds far fewer items than the one before, or none.
    :raises BackupNotWholeError: it has problems.
    """
    if verified.problems:
        raise BackupNotWholeError("a backup with problems is not marked", base=base)
    mark = _mark(verified.manifest) | {"at": iso(at), ACCEPTED: accepted_fewer}
    store.put_document(f"{base}/{VERIFIED}", mark)


def _mark(manifest: Manifest) -> dict[str, Any]:
    return {"manifestSha256": manifest.sha256, "items": manifest.items, "digest": manifest.digest}


@dataclass(frozen=True)
class Marked:
    """A verified backup. ``accepted_fewer``: by a person, see :func:`mark_verified`."""

    base: str
    manifest: Manifest
    accepted_fewer: bool

    @property
    def is_candidate(self) -> bool:
        """Whether it may be restored by default; an empty one only when a person accepted it."""
        return self.manifest.items > 0 or self.accepted_fewer


def read_marked(store: BackupStore, base: str) -> Marked:
    """
    The manifest and the mark beside it.

    :raises BackupNotWholeError: there is no manifest, one of both was edited, or the mark is of another manifest.
    :raises MigrationError: S3 could not be read, or there is no mark (see ``is_absent``).
    """
    manifest = read_manifest(store, manifest_key(base))
    try:
        mark = json.loads(store.get(f"{base}/{VERIFIED}"))
    except ValueError as error:
        raise BackupNotWholeError("the mark of the verification is no JSON", base=base) from error
    if not isinstance(mark, dict) or any(mark.get(name) != one for name, one in _mark(manifest).items()):
        raise BackupNotWholeError("what was verified is not this manifest", base=base)
    return Marked(base, manifest, mark.get(ACCEPTED) is True)


def verified_manifest(store: BackupStore, base: str) -> Manifest | None:
    """The manifest, if the mark beside it is of this manifest; None when it is not, or there is no mark.

    :raises MigrationError: S3 could not be read.
    """
    marked = _readable(store, base)
    return marked.manifest if marked else None


def latest_verified(store: BackupStore, table: str) -> tuple[str, Manifest]:
    """The newest verified backup: its base and its manifest.

    :raises NoBackupError: there is none.
    :raises MigrationError: S3 could not be read.
    """
    found, _ = found_in(store.objects(table_prefix(table)))
    newest = newest_verified(store, found)
    if newest is None:
        raise NoBackupError(
            "no backup of this table was verified; one that holds no items does not count",
            table=table,
            bucket=store.bucket,
        )
    return newest


def newest_verified(store: BackupStore, found: list[Found]) -> tuple[str, Manifest] | None:
    """The newest in a listing, by day and start: its base and manifest. An empty one counts only when accepted."""
    newest = newest_marked(store, found, lambda one: one.is_candidate)
    return (newest.base, newest.manifest) if newest else None


def newest_marked(store: BackupStore, found: list[Found], takes: Callable[[Marked], bool]) -> Marked | None:
    """The newest verified backup for which ``takes`` is true; None when there is none."""
    candidates = [one for one in found if one.says_verified]
    for day in sorted({one.day for one in candidates}, reverse=True):
        of_day = [_readable(store, one.base) for one in candidates if one.day == day]
        whole = [one for one in of_day if one is not None and takes(one)]
        if whole:
            return max(whole, key=lambda one: (one.manifest.started_at, one.base))
    return None


def _readable(store: BackupStore, base: str) -> Marked | None:
    """None when the backup is not whole or has no mark. :raises MigrationError: S3 could not be read."""
    try:
        return read_marked(store, base)
    except BackupNotWholeError:
        return None
    except MigrationError as error:
        if is_absent(error):
            return None
        raise
