"""A backup's manifest. It is written last: without one there is no backup, with one every part can be checked."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from migration_ops.core.errors import BlockedError, MigrationError, StepFailedError
from migration_ops.runbook.backup.keys import MANIFEST
from migration_ops.runbook.backup.store import BackupStore, document_bytes, is_absent

FORMAT = "migration-ops-backup/1"
SCAN, EXPORT = "scan", "export"


@dataclass(frozen=True)
class Part:
    """One compressed object with one item per line. ``bytes`` and ``sha256`` are of the object."""

    key: str
    items: int
    bytes: int
    sha256: str

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Manifest:
    """
    :param mode: ``scan`` or ``export``.
    :param create_table: the CreateTable request of such a table, without its name.
    :param settings: settings of the table that a restore does not bring back; for people.
    :param consistent_at: the moment that the backup shows. For a scan its start; later writes may be in it or not.
    :param digest: over all items, see ``serialization.Tally``.
    :param written_during: migrations written while a scan ran: their record and history may not fit together.
    """

    table: str
    table_arn: str
    run_id: str
    mode: str
    started_at: str
    ended_at: str
    consistent_at: str
    items: int
    raw_bytes: int
    digest: str
    create_table: dict[str, Any]
    settings: dict[str, Any]
    parts: tuple[Part, ...]
    written_during: tuple[str, ...] = ()
    export: dict[str, Any] = field(default_factory=dict)

    @property
    def age_from(self) -> datetime:
        return datetime.fromisoformat(self.consistent_at)

    def as_document(self) -> dict[str, Any]:
        """With a digest over all other members, so that an edit is found."""
        document = {
            "format": FORMAT,
            "table": self.table,
            "tableArn": self.table_arn,
            "runId": self.run_id,
            "mode": self.mode,
            "startedAt": self.started_at,
            "endedAt": self.ended_at,
            "consistentAt": self.consistent_at,
            "items": self.items,
            "rawBytes": self.raw_bytes,
            "digest": self.digest,
            "createTable": self.create_table,
            "settings": self.settings,
            "parts": [one.as_document() for one in self.parts],
            "writtenDuring": list(self.written_during),
            "export": self.export,
        }
        return document | {"sha256": _own_digest(document)}

    @property
    def sha256(self) -> str:
        return str(self.as_document()["sha256"])

    @classmethod
    def from_document(cls, document: Any, key: str) -> Manifest:
        """:raises BackupNotWholeError: it was edited, or is no manifest."""
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BackupNotWholeError("not a manifest of this package", key=key)
        if document.get("sha256") != _own_digest({name: one for name, one in document.items() if name != "sha256"}):
            raise BackupNotWholeError("the manifest was edited: its digest does not match", key=key)
        try:
            return cls(
                table=document["table"],
                table_arn=document["tableArn"],
                run_id=document["runId"],
                mode=document["mode"],
                started_at=document["startedAt"],
                ended_at=document["endedAt"],
                consistent_at=document["consistentAt"],
                items=document["items"],
                raw_bytes=document["rawBytes"],
                digest=document["digest"],
                create_table=document["createTable"],
                settings=document["settings"],
                parts=tuple(Part(**one) for one in document["parts"]),
                written_during=tuple(document["writtenDuring"]),
                export=document["export"],
            )
        except (KeyError, TypeError) as error:
            raise BackupNotWholeError("the manifest lacks what it must say", key=key, cause=repr(error)) from error


def _own_digest(document: dict[str, Any]) -> str:
    return sha256(document_bytes(document)).hexdigest()


def manifest_key(base: str) -> str:
    return f"{base}/{MANIFEST}"


def read_manifest(store: BackupStore, key: str) -> Manifest:
    """
    The manifest at ``key``.

    :raises BackupNotWholeError: there is none, or it is not as it was written.
    :raises MigrationError: S3 could not be read.
    """
    try:
        body = store.get(key)
    except MigrationError as error:
        if is_absent(error):
            raise BackupNotWholeError("there is no manifest, so there is no backup", key=key) from error
        raise
    try:
        document = json.loads(body)
    except ValueError as error:
        raise BackupNotWholeError("the manifest is no JSON", key=key) from error
    return Manifest.from_document(document, key)


class BackupNotWholeError(MigrationError):
    """A manifest or a part is missing, was changed, or does not say what a manifest must say."""

    code = "BACKUP_NOT_WHOLE"
    hint = "Do not restore from it: take another backup, and look at the versions of its objects in S3."


class ItemRefusedError(StepFailedError):
    """DynamoDB does not take an item of the backup: an index of the new table refuses its key."""

    code = "ITEM_REFUSED"
    hint = "Delete the new table and clear the task create with downstream: it leaves such indexes for after the load."


class NoBackupError(MigrationError):
    """There is no backup that was verified."""

    code = "NO_BACKUP"
    hint = "Trigger runbook_backup, then clear this task."


class NotVerifiedError(BlockedError):
    """A backup that is to be restored was never verified, or was changed since. Nothing was touched."""

    code = "BACKUP_NOT_VERIFIED"
    hint = (
        "Trigger a new run and leave backup empty: it takes the latest verified one (runbook_backup makes and verifies "
        "one). If this one was changed, look at the versions of its objects in S3."
    )
