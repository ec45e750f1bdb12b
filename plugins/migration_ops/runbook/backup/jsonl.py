"""Reads the lines of a part as a stream, and counts and hashes them."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.manifest import BackupNotWholeError
from migration_ops.runbook.backup.serialization import NoItemError
from migration_ops.runbook.backup.store import BackupStore, is_absent

GZIP = 31
INFLATED_BYTES = 1 << 20


@dataclass
class Reading:
    """Size, items and hashes of one object. ``md5`` only where the caller sets it: DynamoDB's exports name it."""

    bytes: int = 0
    items: int = 0
    sha256: Any = field(default_factory=sha256)
    md5: Any = None


class LineRefusedError(BackupNotWholeError):
    """A line of a part is no item. Its context names ``key`` and ``line``, its number in the inflated text, from 1."""


def read_lines(store: BackupStore, key: str, reading: Reading, take: Callable[[list[bytes]], None]) -> None:
    """
    Gives ``take`` the lines, some at a time, without line ends.

    After a line that is no item the object is read to its end all the same, so that the caller can compare its hashes.

    :param take: raises :class:`NoItemError` for a line that is no item.
    :raises LineRefusedError: a line is no item; ``reading`` is of the whole object.
    :raises BackupNotWholeError: the object is missing, or is no whole gzip stream.
    :raises MigrationError: S3 could not be read.
    """
    rest, refused = b"", None
    for text in _inflated(_chunks(store, key, reading), key):
        lines = (rest + text).split(b"\n")
        rest = lines.pop()
        try:
            if refused is None:
                take(lines)
        except NoItemError as error:
            line = reading.items + error.position + 1
            refused = LineRefusedError(f"line {line} is no item", key=key, line=line)
        reading.items += len(lines)
    if rest:
        raise BackupNotWholeError("the last line of the part is not whole", key=key)
    if refused is not None:
        raise refused


def _chunks(store: BackupStore, key: str, reading: Reading) -> Iterator[bytes]:
    try:
        for chunk in store.stream(key):
            reading.bytes += len(chunk)
            reading.sha256.update(chunk)
            if reading.md5 is not None:
                reading.md5.update(chunk)
            yield chunk
    except MigrationError as error:
        if is_absent(error):
            raise BackupNotWholeError("the part is missing", key=key) from error
        raise


def _inflated(chunks: Iterator[bytes], key: str) -> Iterator[bytes]:
    """The text in small pieces; concatenated gzip streams in one object are read as one."""
    stream = zlib.decompressobj(GZIP)
    fed = False
    try:
        for chunk in chunks:
            data = chunk
            while data:
                if stream.eof:
                    stream, fed = zlib.decompressobj(GZIP), False
                yield stream.decompress(data, INFLATED_BYTES)
                fed = True
                data = stream.unused_data if stream.eof else stream.unconsumed_tail
    except zlib.error as error:
        raise BackupNotWholeError("the part is no gzip stream", key=key, cause=str(error)) from error
    if fed and not stream.eof:
        raise BackupNotWholeError("the part ends too soon", key=key)
