"""A backup by scan: parallel segments to compressed parts in S3, and the manifest when all parts are there."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from migration_ops.ledger.items import KEY
from migration_ops.runbook.backup.keys import part_key
from migration_ops.runbook.backup.manifest import SCAN, Manifest, Part, manifest_key
from migration_ops.runbook.backup.refused import made_before
from migration_ops.runbook.backup.scan import SEGMENTS, scan_table
from migration_ops.runbook.backup.serialization import Item, Tally, lines_of
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import Described

# Compressed; each segment holds one part in memory.
PART_BYTES = 4 << 20
# Higher levels take most of a backup's time and save little: the text is keys and digests.
LEVEL = 3
GZIP = 31
CONTENT_TYPE = "application/gzip"
# What was written shortly before the scan counts as written during it: clocks differ.
CLOCKS_DIFFER_BY = timedelta(minutes=5)
# The attributes that say when a record, a history line or a lock was written.
WRITTEN_AT = ("updatedAt", "at", "since")


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def written_at(item: Item) -> str:
    """When an item of the ledger was last written, ISO 8601 UTC; empty when it does not say."""
    for name in WRITTEN_AT:
        if name in item and "S" in item[name]:
            return str(item[name]["S"])
    return ""


def migration_of(item: Item) -> str:
    """The migration that a record or a line belongs to; of another item its key, empty when it has none."""
    return str((item.get("historyOf") or item.get(KEY) or {}).get("S", ""))


@dataclass
class PartWriter:
    """One segment's parts. Holds one part in memory, compressed."""

    store: BackupStore
    base: str
    segment: int
    since: str
    part_bytes: int = PART_BYTES
    parts: list[Part] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    written_since: set[str] = field(default_factory=set)
    _items: int = 0
    _body: bytearray = field(default_factory=bytearray)
    _compressor: Any = None

    def take(self, items: list[Item]) -> None:
        if self._compressor is None:
            self._compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP)
        lines = lines_of(items)
        self.tally.add_all(lines)
        since = self.since
        self.written_since.update([migration_of(item) for item in items if written_at(item) >= since])
        self._body += self._compressor.compress(b"\n".join([*lines, b""]))
        self._items += len(items)
        if len(self._body) >= self.part_bytes:
            self.flush()

    def flush(self) -> None:
        """Puts the items so far as one part; nothing when there are none."""
        if not self._items:
            return
        self._body += self._compressor.flush()
        body = bytes(self._body)
        key = part_key(self.base, self.segment, len(self.parts))
        digest = self.store.put(key, body, CONTENT_TYPE)
        self.parts.append(Part(key, self._items, len(body), digest))
        self._items, self._body, self._compressor = 0, bytearray(), None


def back_up(
    client: Any,
    store: BackupStore,
    table: Described,
    base: str,
    run_id: str,
    now: Callable[[], datetime],
    segments: int = SEGMENTS,
    part_bytes: int = PART_BYTES,
) -> Manifest:
    """
    Reads the whole table and writes it below ``base``. What an earlier try of the same run left there is deleted first.
    A backup that an earlier try finished is returned as it is, unless it was found bad since.

    :param client: made by ``raw_scans``.
    :raises MigrationError: the table could not be read or a part not be written; then there is no manifest.
    """
    finished = made_before(store, base)
    if finished is not None:
        return finished
    store.delete([one.key for one in store.objects(f"{base}/")])
    started = now()
    since = iso(started - CLOCKS_DIFFER_BY)

    def writer(segment: int) -> PartWriter:
        return PartWriter(store, base, segment, since, part_bytes)

    writers = scan_table(client, table.name, writer, segments)
    for one in writers:
        one.flush()
    tally = Tally()
    for one in writers:
        tally.merge(one.tally)
    manifest = Manifest(
        table=table.name,
        table_arn=table.arn,
        run_id=run_id,
        mode=SCAN,
        started_at=iso(started),
        ended_at=iso(now()),
        consistent_at=iso(started),
        items=tally.items,
        raw_bytes=tally.raw_bytes,
        digest=tally.digest,
        create_table=table.create_table,
        settings=table.settings,
        parts=tuple(part for one in writers for part in one.parts),
        written_during=tuple(sorted({name for one in writers for name in one.written_since})),
    )
    store.put_document(manifest_key(base), manifest.as_document())
    return manifest
