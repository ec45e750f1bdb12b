"""Writes the items of a backup into the table that was made for them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from migration_ops.aws.errors import InvalidError
from migration_ops.aws.inventory.dynamodb_scratch import RUN_TAG
from migration_ops.core.errors import ThrottledError
from migration_ops.runbook.backup.jsonl import Reading, read_lines
from migration_ops.runbook.backup.manifest import EXPORT, BackupNotWholeError, ItemRefusedError, Manifest, Part
from migration_ops.runbook.backup.serialization import Item, Tally, each_line, for_boto3, item_of, line_of
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import ask
from migration_ops.runbook.backup.target import TableExistsError, create_target

__all__ = ["RUN_TAG", "ItemRefusedError", "Loaded", "TableExistsError", "create_target", "load", "put_all"]

# Limit of BatchWriteItem.
WRITTEN_A_CALL = 25
WRITERS = 8
# A new table takes a few thousand writes a second and grows. Waits add up to 45 s at most, then the task is retried.
ATTEMPTS = 12
MAX_PAUSE_SECONDS = 8.0


@dataclass(frozen=True)
class Loaded:
    """What was written. ``retried`` counts items that DynamoDB asked to send again."""

    items: int
    digest: str
    retried: int


def load(client: Any, store: BackupStore, manifest: Manifest, target: str, writers: int = WRITERS) -> Loaded:
    """
    Writes every item of the backup; each part is checked while it is read. Loading again writes the same items.

    :raises BackupNotWholeError: a part is not what the manifest says: the table must not be used.
    :raises ThrottledError: DynamoDB left items unprocessed, or throttled, at every attempt.
    :raises ItemRefusedError: DynamoDB refuses some of the items; their keys are named.
    """
    tally, retried = Tally(), 0
    keys = [one["AttributeName"] for one in manifest.create_table.get("KeySchema", ())]
    with ThreadPoolExecutor(max_workers=writers) as pool:
        write = _Writing(lambda items: _put_or_name(client, target, items, keys), pool, writers)
        for part in manifest.parts:
            tally.merge(_load_part(store, part, manifest.mode, write))
        retried = write.finish()
    if (tally.items, tally.digest) != (manifest.items, manifest.digest):
        raise BackupNotWholeError("the parts are not those of the manifest", items=tally.items, expected=manifest.items)
    return Loaded(tally.items, tally.digest, retried)


def _load_part(store: BackupStore, part: Part, mode: str, write: _Writing) -> Tally:
    tally, reading, batch = Tally(), Reading(), list[Item]()

    def read(line: bytes) -> tuple[Item, bytes]:
        item = item_of(line)
        return item, line_of(item) if mode == EXPORT else line

    def take(lines: list[bytes]) -> None:
        for item, line in each_line(lines, read):
            tally.add(line)
            batch.append(item)
            if len(batch) == WRITTEN_A_CALL:
                write.send(list(batch))
                batch.clear()

    read_lines(store, part.key, reading, take)
    write.send(batch)
    if reading.sha256.hexdigest() != part.sha256:
        raise BackupNotWholeError("the part is not what the manifest says", key=part.key)
    return tally


class _Writing:
    """Writes batches in parallel; never more of them wait than there are writers."""

    def __init__(self, put: Callable[[list[Item]], int], pool: ThreadPoolExecutor, writers: int) -> None:
        self._put = put
        self._pool, self._most = pool, 2 * writers
        self._running: list[Any] = []
        self._retried = 0

    def send(self, items: list[Item]) -> None:
        if not items:
            return
        if len(self._running) >= self._most:
            self._retried += self._running.pop(0).result()
        self._running.append(self._pool.submit(self._put, items))

    def finish(self) -> int:
        while self._running:
            self._retried += self._running.pop(0).result()
        return self._retried


def _put_or_name(client: Any, target: str, items: list[Item], keys: list[str]) -> int:
    """As :func:`put_all`; when DynamoDB refuses a batch, the refused items are found and named by their keys."""
    try:
        return put_all(client, target, items)
    except InvalidError as error:
        refused, why = [], error.message
        for item in items:
            try:
                put_all(client, target, [item])
            except InvalidError as of_item:
                # The key only: other attributes do not belong in a log.
                refused.append({name: next(iter(item[name].values())) for name in keys if name in item})
                why = of_item.message
        if not refused:
            raise
        raise ItemRefusedError(f"DynamoDB refuses items: {why}", table=target, keys=refused) from error


def put_all(client: Any, target: str, items: list[Item]) -> int:
    """Writes one batch; returns how many items had to be sent again.

    :raises ThrottledError: some were left unprocessed, or throttled, at every attempt.
    """
    pending = [{"PutRequest": {"Item": for_boto3(item)}} for item in items]
    retried = 0
    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=MAX_PAUSE_SECONDS),
        retry=retry_if_exception_type(ThrottledError),
        reraise=True,
    ):
        with attempt:
            request = pending
            answer = ask(lambda: client.batch_write_item(RequestItems={target: request}))  # noqa: B023 - called at once
            pending = answer.get("UnprocessedItems", {}).get(target, [])
            retried += len(pending)
            if pending:
                raise ThrottledError("DynamoDB left items unprocessed", table=target, items=len(pending))
    return retried
