"""The hash chain of a migration's history: each line's digest covers the line and the digest before it.

The record has the last digest, and each line a digest of the record as that write left it. So edited, deleted and
swapped lines and an edited record are found. Whoever may write the table can compute all digests again: anchors show
that.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from migration_ops.core.documents import canonical
from migration_ops.core.frozen import changed
from migration_ops.ledger.items import KEY, Item, from_item, history_key, to_item
from migration_ops.ledger.protocol import HistoryEntry, Record


def sha256(text: str) -> str:
    # A lone surrogate is legal in a JSON string but not in UTF-8.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_of(entry: HistoryEntry) -> str:
    """SHA-256 of the previous digest and the line; the line's own digest is left out.

    Members that earlier releases did not have are left out when empty, so that old lines keep their digests.
    """
    line: dict[str, Any] = {
        "migrationId": entry.migration_id,
        "sequence": entry.sequence,
        "at": entry.at,
        "phase": entry.phase,
        "event": entry.event,
        "detail": entry.detail,
    }
    if entry.record_digest:
        line["recordDigest"] = entry.record_digest
    if entry.holder is not None:
        line["holder"] = entry.holder
    return sha256(entry.previous_digest + canonical(line))


def next_entry(
    old: Record,
    at: str,
    phase: str,
    event: str,
    detail: dict[str, Any],
    record_digest: str = "",
    holder: dict[str, str] | None = None,
) -> HistoryEntry:
    """The line that follows the last one of ``old``."""
    line = HistoryEntry(
        migration_id=old.migration_id,
        sequence=old.history_sequence + 1,
        at=at,
        phase=phase,
        event=event,
        detail=detail,
        previous_digest=old.history_digest,
        digest="",
        record_digest=record_digest,
        holder=holder,
    )
    return changed(line, digest=digest_of(line))


def entry_item(entry: HistoryEntry) -> Item:
    """The item of a line. ``detail`` is stored as JSON text: DynamoDB's numbers would change the digest."""
    return to_item(
        {
            KEY: history_key(entry.migration_id, entry.sequence),
            "historyOf": entry.migration_id,
            "sequence": entry.sequence,
            "at": entry.at,
            "phase": entry.phase,
            "event": entry.event,
            "detail": canonical(entry.detail),
            "previousDigest": entry.previous_digest,
            "digest": entry.digest,
            "recordDigest": entry.record_digest or None,
            "holder": entry.holder,
        }
    )


def entry_of(item: Item) -> HistoryEntry:
    """The line as stored, with any edits. What cannot be read is replaced so that its digest does not match."""
    document = from_item(item)
    try:
        detail = json.loads(document["detail"])
    except (KeyError, TypeError, ValueError):
        detail = {"unreadable": True}
    sequence = document.get("sequence")
    return HistoryEntry(
        migration_id=str(document.get("historyOf", "")),
        sequence=sequence if isinstance(sequence, int) else -1,
        at=str(document.get("at", "")),
        phase=str(document.get("phase", "")),
        event=str(document.get("event", "")),
        detail=detail if isinstance(detail, dict) else {"unreadable": True},
        previous_digest=str(document.get("previousDigest", "")),
        digest=str(document.get("digest", "")),
        record_digest=str(document.get("recordDigest", "")),
        holder=_holder_in(document.get("holder")),
    )


def _holder_in(value: Any) -> dict[str, str] | None:
    if value is None:
        return None
    is_readable = isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    return value if is_readable else {"unreadable": ""}


@dataclass(frozen=True)
class ArchivedUntil:
    """The last archived line by the record: used when the archive is not readable, to judge only the lines after it."""

    sequence: int = 0
    digest: str = ""


def verify(
    entries: list[HistoryEntry], record: Record, digest_of_record: str = "", after: ArchivedUntil = ArchivedUntil()
) -> list[str]:
    """What is wrong with a history; an empty list means nothing.

    :param entries: the lines in the order of their keys.
    :param digest_of_record: digest of the record's item as it is now; empty = it is not compared.
    :param after: judge only the lines after this one.
    """
    entries = [entry for entry in entries if entry.sequence > after.sequence] if after.sequence else entries
    expected_sequence, previous, has_digests = after.sequence + 1, after.digest, False
    problems: list[str] = []
    for entry in entries:
        problems += _problems_of(entry, record, expected_sequence, previous)
        if has_digests and not entry.record_digest:
            name = history_key(record.migration_id, entry.sequence)
            problems.append(f"{name}: has no digest of the record, the lines before it have")
        has_digests = has_digests or bool(entry.record_digest)
        expected_sequence, previous = entry.sequence + 1, entry.digest
    if entries and entries[-1].record_digest and digest_of_record not in ("", entries[-1].record_digest):
        problems.append(f"{record.migration_id}: the record was edited, it is not what its last line was written with")
    return problems + _problems_at_the_end(entries, record, expected_sequence - 1, previous)


def _problems_of(entry: HistoryEntry, record: Record, expected_sequence: int, previous: str) -> list[str]:
    name = history_key(record.migration_id, entry.sequence)
    problems = []
    if entry.migration_id != record.migration_id:
        problems.append(f"{name}: belongs to {entry.migration_id!r}")
    if entry.sequence != expected_sequence:
        problems.append(f"{name}: expected line {expected_sequence}: lines are missing or swapped")
    if entry.previous_digest != previous:
        problems.append(f"{name}: does not follow the line before it")
    if digest_of(entry) != entry.digest:
        problems.append(f"{name}: was edited, its digest does not match")
    return problems


def _problems_at_the_end(entries: list[HistoryEntry], record: Record, last: int, digest: str) -> list[str]:
    problems = []
    if last != record.history_sequence:
        problems.append(f"{record.migration_id}: the history ends at {last}, the record at {record.history_sequence}")
    elif digest != record.history_digest:
        problems.append(f"{record.migration_id}: the last line is not the one that the record was written with")
    if entries and entries[-1].phase != record.phase.value:
        problems.append(f"{record.migration_id}: the record is {record.phase}, its last line says {entries[-1].phase}")
    if record.version != record.history_sequence:
        problems.append(f"{record.migration_id}: version {record.version} with {record.history_sequence} lines")
    return problems
