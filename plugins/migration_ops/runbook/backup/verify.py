"""Reads a whole backup back from S3 and holds it against its manifest."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.create import iso
from migration_ops.runbook.backup.jsonl import Reading, read_lines
from migration_ops.runbook.backup.keys import VERIFIED, Found, found_in, table_prefix
from migration_ops.runbook.backup.manifest import (
    EXPORT,
    BackupNotWhole,
    Manifest,
    NoBackup,
    Part,
    manifest_key,
    read_manifest,
)
from migration_ops.runbook.backup.serialization import Tally, item_of, line_of
from migration_ops.runbook.backup.store import BackupStore

AT_ONCE = 4
PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class Verified:
    """:param problems: empty when every object is what the manifest says."""

    manifest: Manifest
    problems: tuple[str, ...]
    items: int
    digest: str


def verify_backup(store: BackupStore, base: str) -> Verified:
    """
    Reads every part. What is wrong is in the result; only what could not be read is raised.

    :raises BackupNotWhole: there is no manifest, or it was edited.
    :raises MigrationError: S3 could not be read: nobody knows.
    """
    manifest = read_manifest(store, manifest_key(base))
    tally, problems = Tally(), [*_strange_keys(manifest, base)]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        for found, wrong in pool.map(lambda part: _part(store, part, manifest.mode), manifest.parts):
            tally.merge(found)
            problems += wrong
    if tally.items != manifest.items:
        problems.append(f"{tally.items} items in the parts, {manifest.items} in the manifest")
    if tally.digest != manifest.digest:
        problems.append("the items are not those of the manifest: their digest differs")
    return Verified(manifest, tuple(problems), tally.items, tally.digest)


def _strange_keys(manifest: Manifest, base: str) -> list[str]:
    """A manifest that names objects elsewhere, or one twice."""
    keys = [part.key for part in manifest.parts]
    outside = [f"{key}: is not below {base}" for key in keys if not key.startswith(f"{base}/")]
    return outside + ([] if len(set(keys)) == len(keys) else ["the manifest names a part twice"])


def _part(store: BackupStore, part: Part, mode: str) -> tuple[Tally, list[str]]:
    tally, reading = Tally(), Reading()
    # Our own lines are canonical as they are; those of an export are DynamoDB's.
    take = (lambda line: tally.add(line_of(item_of(line)))) if mode == EXPORT else tally.add
    try:
        read_lines(store, part.key, reading, take)
    except BackupNotWhole as error:
        return tally, [f"{part.key}: {error.message}"]
    except ValueError:
        return tally, [f"{part.key}: a line is no item"]
    seen = {"items": reading.items, "bytes": reading.bytes, "sha256": reading.sha256.hexdigest()}
    told = {"items": part.items, "bytes": part.bytes, "sha256": part.sha256}
    return tally, [
        f"{part.key}: {name} is {seen[name]}, the manifest says {told[name]}"
        for name in seen
        if seen[name] != told[name]
    ]


def mark_verified(store: BackupStore, base: str, verified: Verified, at: datetime) -> None:
    """Leaves beside the backup that it was read back; bound to the manifest, so that an edited one loses it.

    :raises BackupNotWhole: it has problems.
    """
    if verified.problems:
        raise BackupNotWhole("a backup with problems is not marked", base=base)
    store.put_document(f"{base}/{VERIFIED}", _mark(verified.manifest) | {"at": iso(at)})


def _mark(manifest: Manifest) -> dict[str, Any]:
    return {"manifestSha256": manifest.sha256, "items": manifest.items, "digest": manifest.digest}


def verified_manifest(store: BackupStore, base: str) -> Manifest | None:
    """The manifest if the mark beside it is about it; None when it is not, or is not there."""
    try:
        manifest = read_manifest(store, manifest_key(base))
        mark = json.loads(store.get(f"{base}/{VERIFIED}"))
    except (BackupNotWhole, ValueError):
        return None
    is_about_it = isinstance(mark, dict) and all(mark.get(name) == one for name, one in _mark(manifest).items())
    return manifest if is_about_it else None


def latest_verified(store: BackupStore, table: str) -> tuple[str, Manifest]:
    """The newest backup that was verified: where it is, and its manifest.

    :raises NoBackup: there is none. :raises MigrationError: S3 cannot say.
    """
    found, _ = found_in(store.objects(table_prefix(table)))
    newest = newest_verified(store, found)
    if newest is None:
        raise NoBackup("no backup of this table was verified", table=table, bucket=store.bucket)
    return newest


def newest_verified(store: BackupStore, found: list[Found]) -> tuple[str, Manifest] | None:
    """Of what a listing shows, by day and then by when it was begun."""
    candidates = [one for one in found if one.says_verified]
    for day in sorted({one.day for one in candidates}, reverse=True):
        of_day = [(one.base, _readable(store, one.base)) for one in candidates if one.day == day]
        whole = [(base, manifest) for base, manifest in of_day if manifest is not None]
        if whole:
            return max(whole, key=lambda one: (one[1].started_at, one[0]))
    return None


def _readable(store: BackupStore, base: str) -> Manifest | None:
    try:
        return verified_manifest(store, base)
    except MigrationError as error:
        if error.context.get("awsCode") in ("NoSuchKey", "404"):
            return None
        raise
