"""Anchors: the last lines of all chains, stored where those who may write the table cannot change them.

Whoever may write the table can compute a chain again; a copy of its end in an anchor shows that. Each anchor file has
the digest of the one before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from migration_ops.core.documents import canonical
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.field_text import s3_key_part
from migration_ops.core.states import Status
from migration_ops.ledger.items import KEY, Item, number_of, text_of
from migration_ops.ledger.record_digest import record_digest
from migration_ops.ledger.table import Table

PREFIX = "anchors/"
INDEX = "status-timestamp-index"
# The scope of an anchor that holds every chain of the table.
ALL = "all"


def scope_of_wave(wave: str) -> str:
    """The scope of an anchor that holds the chains of one wave's run."""
    return f"wave {wave}"


@dataclass(frozen=True)
class Head:
    """
    The end of one chain, and the digest of its record.

    :param sequence: number of the last history line; ``digest`` is its digest.
    :param archive_key: the archive copy that the record named, empty for none; ``archived_sequence`` is its last line.
    """

    migration_id: str
    wave: str
    sequence: int
    digest: str
    record_digest: str
    archive_key: str = ""
    archived_sequence: int = 0

    def as_document(self) -> dict[str, Any]:
        document: dict[str, Any] = {
            "migrationId": self.migration_id,
            "wave": self.wave,
            "sequence": self.sequence,
            "digest": self.digest,
            "recordDigest": self.record_digest,
        }
        if self.archive_key:
            document |= {"archiveKey": self.archive_key, "archivedSequence": self.archived_sequence}
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Head:
        return cls(
            migration_id=str(document["migrationId"]),
            wave=str(document["wave"]),
            sequence=int(document["sequence"]),
            digest=str(document["digest"]),
            record_digest=str(document["recordDigest"]),
            archive_key=str(document.get("archiveKey", "")),
            archived_sequence=int(document.get("archivedSequence", 0)),
        )


@dataclass(frozen=True)
class Link:
    """The anchor file before this one. ``sha256`` is the digest of its bytes."""

    key: str
    sha256: str


@dataclass(frozen=True)
class Anchor:
    """
    One anchor file. Two that are written at the same time may have the same ``previous``.

    :param scope: ``all``, or :func:`scope_of_wave`.
    :param written_at: in the ledger's time format.
    :param written_by: the run that wrote it.
    """

    table: str
    scope: str
    written_at: str
    written_by: str
    heads: tuple[Head, ...]
    previous: Link | None = None

    def as_document(self) -> dict[str, Any]:
        return {
            "table": self.table,
            "scope": self.scope,
            "writtenAt": self.written_at,
            "writtenBy": self.written_by,
            "heads": [one.as_document() for one in self.heads],
            "previous": {"key": self.previous.key, "sha256": self.previous.sha256} if self.previous else None,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Anchor:
        """:raises KeyError, TypeError, ValueError: the document is no anchor."""
        previous = document["previous"]
        return cls(
            table=str(document["table"]),
            scope=str(document["scope"]),
            written_at=str(document["writtenAt"]),
            written_by=str(document["writtenBy"]),
            heads=tuple(Head.from_document(one) for one in document["heads"]),
            previous=Link(str(previous["key"]), str(previous["sha256"])) if previous else None,
        )

    @property
    def digest(self) -> bytes:
        """SHA-256 of the content: what is signed."""
        return hashlib.sha256(canonical(self.as_document()).encode("utf-8", "surrogatepass")).digest()

    def key(self, prefix: str, unique: str) -> str:
        """The S3 key; keys sort by time. ``unique`` makes the keys of files of the same time different."""
        day, time = self.written_at[:10], self.written_at[11:].replace(":", "")
        return f"{prefix}{day}/{self.table}/{time}-{s3_key_part(self.scope)[:60]}-{unique}.json"


def head_of(item: Item) -> Head:
    """The head of a record's item.

    :raises InvalidInputError: the item is malformed.
    """
    return Head(
        migration_id=text_of(item, KEY),
        wave=text_of(item, "wave"),
        sequence=number_of(item, "historySequence"),
        digest=text_of(item, "historyDigest"),
        record_digest=record_digest(item),
        archive_key=text_of(item, "archiveKey"),
        archived_sequence=number_of(item, "archivedSequence"),
    )


def heads_of(table: Table, migration_ids: list[str]) -> tuple[Head, ...]:
    """The heads of those migrations that exist (consistent BatchGetItem, 100 per call)."""
    return _heads(list(table.get(migration_ids).values()))


def every_head(table: Table, known: Iterable[str] = ()) -> tuple[Head, ...]:
    """
    The heads of all migrations, by the status index; history lines are not read.

    :param known: migrations that must exist. If a status changes while the statuses are read one after the other, a
        migration can be in none of the answers, or in two: a missing one is read by its key.
    """
    names, condition = {"#status": "status"}, "#status = :status"
    items: dict[str, Item] = {}
    for status in Status:
        for item in table.query(INDEX, condition, names, {":status": status.value}):
            key = text_of(item, KEY)
            if number_of(item, "historySequence") >= number_of(items.get(key), "historySequence"):
                items[key] = item
    return _heads([*items.values(), *table.get([one for one in known if one not in items]).values()])


def _heads(items: list[Item]) -> tuple[Head, ...]:
    """The heads, sorted. A malformed record is left out; ``verify-history`` finds it by its earlier anchors."""
    found = []
    for item in items:
        try:
            found.append(head_of(item))
        except InvalidInputError:
            continue
    return tuple(sorted(found, key=lambda one: one.migration_id))
