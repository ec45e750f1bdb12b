"""The two manifests of an export of DynamoDB, each compared with the checksum beside it.

Source: Amazon DynamoDB Developer Guide, "DynamoDB table export output format".
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import md5
from typing import Any

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.manifest import BackupNotWholeError
from migration_ops.runbook.backup.store import BackupStore, is_absent

# The Developer Guide names .md5; files named .checksum were seen as well.
CHECKSUM_ENDINGS = (".md5", ".checksum")
SUMMARY = {"itemCount": int}
ENTRY = {"dataFileS3Key": str, "md5Checksum": str, "itemCount": int}
Document = dict[str, Any]


def read_manifests(store: BackupStore, folder: str) -> tuple[Document, list[Document]]:
    """
    ``manifest-summary.json``, and an entry of ``manifest-files.json`` for each data file.

    :param folder: of the export in the bucket.
    :raises BackupNotWholeError: one is missing, does not match its checksum, or lacks a member that is needed.
    :raises MigrationError: S3 could not be read.
    """
    summary, files = f"{folder}/manifest-summary.json", f"{folder}/manifest-files.json"
    return _document(_checked(store, summary), summary, SUMMARY), [
        _document(line, files, ENTRY) for line in _checked(store, files).splitlines() if line.strip()
    ]


def _document(body: bytes, key: str, members: Mapping[str, type]) -> Document:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise BackupNotWholeError("a manifest of the export is no JSON", key=key) from error
    found = document if isinstance(document, dict) else {}
    lacking = sorted(name for name, kind in members.items() if type(found.get(name)) is not kind)
    if lacking:
        raise BackupNotWholeError("a manifest of the export lacks what it must say", key=key, members=lacking)
    return found


def _checked(store: BackupStore, key: str) -> bytes:
    """A manifest of the export, compared with the checksums beside it (base64 MD5, as DynamoDB writes it).

    :raises BackupNotWholeError: it or its checksum is missing, or does not match.
    """
    try:
        body = store.get(key)
    except MigrationError as error:
        if is_absent(error):
            raise BackupNotWholeError("a manifest of the export is missing", key=key) from error
        raise
    stem = key.removesuffix(".json")
    names = {f"{stem}{ending}" for ending in CHECKSUM_ENDINGS} | {f"{key}{ending}" for ending in CHECKSUM_ENDINGS}
    beside = [one.key for one in store.objects(stem) if one.key in names]
    if not beside:
        raise BackupNotWholeError("a manifest of the export has no checksum", key=key)
    expected = b64encode(md5(body, usedforsecurity=False).digest()).decode()
    wrong = [one for one in beside if store.get(one).decode(errors="replace").strip() != expected]
    if wrong:
        raise BackupNotWholeError("a manifest of the export does not match its checksum", key=key, checksums=wrong)
    return body
