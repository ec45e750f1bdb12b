"""A whole table in parallel segments, consistent reads, a page at a time: memory does not grow with the table."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event
from typing import Any, Protocol, TypeVar

from migration_ops.aws.errors import SDK_ERRORS, to_aws_error
from migration_ops.core.errors import UnknownError
from migration_ops.runbook.backup.serialization import Item

SEGMENTS = 4
OBJECTS_BETWEEN_COLLECTIONS = 100_000


class Taker(Protocol):
    """Takes the pages of one segment."""

    def take(self, items: list[Item]) -> None: ...


T = TypeVar("T", bound=Taker)


def scan_table(client: Any, table: str, taker: Callable[[int], T], segments: int = SEGMENTS) -> list[T]:
    """
    Reads every item once; each segment has a taker of its own, which is called from one thread only.

    :param client: made by ``raw_scans``.
    :param taker: makes the taker of a segment by its number.
    :returns: the takers, in order of the segments.
    :raises MigrationError: a page could not be read, or a taker failed; the other segments stop at their next page.
    """
    stop = Event()

    def read(segment: int) -> T:
        mine = taker(segment)
        try:
            _read_segment(client, table, segment, segments, mine, stop)
        except BaseException:
            stop.set()
            raise
        return mine

    with _rare_collections(), ThreadPoolExecutor(max_workers=segments) as pool:
        running = [pool.submit(read, segment) for segment in range(segments)]
    # Raises the error of the segment that failed; the others only stopped.
    for one in running:
        with suppress(_StoppedError):
            one.result()
    return [one.result() for one in running]


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Collects garbage less often: a page is ten thousand objects without cycles; searching takes 1/7 of the time."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], OBJECTS_BETWEEN_COLLECTIONS) if before[0] else 0, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class _StoppedError(UnknownError):
    """Another segment failed; that one says why."""


def _read_segment(client: Any, table: str, segment: int, segments: int, taker: Taker, stop: Event) -> None:
    request: dict[str, Any] = {
        "TableName": table,
        "ConsistentRead": True,
        "Segment": segment,
        "TotalSegments": segments,
    }
    while True:
        if stop.is_set():
            raise _StoppedError("another segment failed", segment=segment)
        try:
            page = client.scan(**request)
        except SDK_ERRORS as error:
            raise to_aws_error(error, mutating=False) from error
        if len(page.get("Items", ())) != page.get("Count", -1):
            raise UnknownError("Scan answered another number of items than it says", table=table, segment=segment)
        taker.take(page["Items"])
        if not page.get("LastEvaluatedKey"):
            return
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]
