"""Anchors: the ends of all chains, written where the table's writers cannot change them, each file upon the one before.

A chain can be computed anew by whoever may write the table. What was anchored before it, cannot.
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
    Where one chain ended, and what its record was.

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
    """The anchor file before this one. ``sha256`` is of its bytes."""

    key: str
    sha256: str


@dataclass(frozen=True)
class Anchor:
    """
    One anchor file. Two that are written at the same moment follow the same one.

    :param scope: ``all``, or :func:`scope_of_wave`.
    :param written_at: in the ledger's format. ``written_by``: the run.
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
        """:raises KeyError, TypeError, ValueError: no anchor."""
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
        """Sorts by time. ``unique`` keeps files of one moment apart."""
        day, time = self.written_at[:10], self.written_at[11:].replace(":", "")
        return f"{prefix}{day}/{self.table}/{time}-{s3_key_part(self.scope)[:60]}-{unique}.json"


def head_of(item: Item) -> Head:
    """:raises InvalidInputError: the record's item is malformed."""
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
    """Of these migrations, as far as they exist (consistent reads, 100 a call)."""
    return _heads(list(table.get(migration_ids).values()))


def every_head(table: Table, known: Iterable[str] = ()) -> tuple[Head, ...]:
    """
    Of all migrations, by the index of statuses: the lines are not read.

    :param known: migrations that must be there. One whose status changes while the statuses are read one after the
        other can be in none of the answers, or in two: what is missing is read by its key.
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
    """A record that cannot be digested is left out: what was anchored of it before still finds it."""
    found = []
    for item in items:
        try:
            found.append(head_of(item))
        except InvalidInputError:
            continue
    return tuple(sorted(found, key=lambda one: one.migration_id))
