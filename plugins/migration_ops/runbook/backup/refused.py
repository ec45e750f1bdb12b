"""Marks a backup that was found bad, so that its run, when cleared, makes it again instead of reusing it."""

from __future__ import annotations

import json
from typing import Any

from migration_ops.runbook.backup.keys import REFUSED
from migration_ops.runbook.backup.manifest import BackupNotWholeError, Manifest, manifest_key, read_manifest
from migration_ops.runbook.backup.store import BackupStore


def mark_refused(
    store: BackupStore, base: str, at: str, reason: str, *, manifest: Manifest | None = None, export_arn: str = ""
) -> None:
    """
    Marks the backup at ``base`` as bad.

    :param at: now, ISO 8601.
    :param manifest: of the bad backup; None when there is none yet.
    :param export_arn: of an export that could not be sealed.
    :raises MigrationError: S3 did not take the mark.
    """
    arn = manifest.export.get("arn", "") if manifest else export_arn
    mark = {
        "manifestSha256": manifest.sha256 if manifest else "",
        # Those of earlier tries too: none of them may be used again.
        "exportArns": sorted({*_mark(store, base).get("exportArns", ()), arn} - {""}),
        "reason": reason,
        "at": at,
    }
    store.put_document(f"{base}/{REFUSED}", mark)


def made_before(store: BackupStore, base: str) -> Manifest | None:
    """The manifest of a backup that this run has finished already; None when it has not, or it was found bad since.

    :raises BackupNotWholeError: it was edited, and is not marked as bad.
    :raises MigrationError: S3 could not be read.
    """
    key = manifest_key(base)
    if not any(one.key == key for one in store.objects(key)):
        return None
    mark = _mark(store, base)
    try:
        manifest = read_manifest(store, key)
    except BackupNotWholeError:
        if mark:
            return None
        raise
    return None if mark.get("manifestSha256") == manifest.sha256 else manifest


def is_refused_export(store: BackupStore, base: str, export_arn: str) -> bool:
    """Whether the files of this export were found bad."""
    return export_arn in _mark(store, base).get("exportArns", ())


def _mark(store: BackupStore, base: str) -> dict[str, Any]:
    key = f"{base}/{REFUSED}"
    if not any(one.key == key for one in store.objects(key)):
        return {}
    try:
        found = json.loads(store.get(key))
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
