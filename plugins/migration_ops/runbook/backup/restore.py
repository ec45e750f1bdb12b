"""A backup into a new table; never into one that exists."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from migration_ops.aws.errors import SDK_ERRORS, NotFound, classify
from migration_ops.core.errors import Blocked, Throttled
from migration_ops.runbook.backup.jsonl import Reading, read_lines
from migration_ops.runbook.backup.manifest import EXPORT, BackupNotWhole, Manifest, Part
from migration_ops.runbook.backup.serialization import Item, Tally, for_boto3, item_of, line_of
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import ask, raw_description

# Limit of BatchWriteItem.
WRITTEN_A_CALL = 25
WRITERS = 8
# A new table takes a few thousand writes a second and grows; about a minute of patience in all, then the task's retry.
ATTEMPTS = 12
MAX_PAUSE_SECONDS = 8.0
# The tag of tables that this package restored: the run that made them.
RUN_TAG = "migration-ops:restored-by"
ACTIVE = "ACTIVE"


class TableExists(Blocked):
    """The target is there already, and this run did not make it. Nothing was touched."""

    code = "TABLE_EXISTS"
    hint = "Choose a name that no table has; this package never writes into a table that exists."


def create_target(client: Any, target: str, manifest: Manifest, live_table: str, run_id: str) -> str:
    """
    Creates the table, or finds the one that this very run created; its status.

    No time to live, no deletion protection, no stream: what was restored must neither vanish nor act before somebody
    has looked at it.

    :raises TableExists: the table is the live one, or somebody else's.
    """
    if target == live_table:
        raise TableExists("the target is the live table", table=target)
    found = raw_description(client, target)
    if found is not None:
        if run_tag_of(client, found["TableArn"]) != tag_value(run_id):
            raise TableExists("the target exists", table=target)
        return str(found["TableStatus"])
    tags = [{"Key": RUN_TAG, "Value": tag_value(run_id)}]
    try:
        made = client.create_table(TableName=target, **manifest.create_table, Tags=tags)
    except client.exceptions.ResourceInUseException as error:
        raise TableExists("the target was created in between", table=target) from error
    except SDK_ERRORS as error:
        # A lost answer: the next try finds the table with this run's tag.
        raise classify(error, mutating=True) from error
    return str(made["TableDescription"]["TableStatus"])


def tag_value(run_id: str) -> str:
    """Tags take fewer characters than run ids may have."""
    return "".join(one if one.isalnum() or one in "+-=._:/@ " else "-" for one in run_id)[:256]


def run_tag_of(client: Any, arn: str) -> str | None:
    """The run that made the table, as its tag says; None when it has no such tag, or is too new to have any."""
    try:
        pages = ask(lambda: list(client.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn)))
    except NotFound:
        return None
    tags = {one["Key"]: one["Value"] for page in pages for one in page["Tags"]}
    return tags.get(RUN_TAG)


def status_of(client: Any, target: str) -> str | None:
    """``ACTIVE`` when table and indexes are; None when there is no such table."""
    found = raw_description(client, target)
    if found is None:
        return None
    states = {found["TableStatus"], *(one["IndexStatus"] for one in found.get("GlobalSecondaryIndexes") or [])}
    return ACTIVE if states == {ACTIVE} else ", ".join(sorted(states))


@dataclass(frozen=True)
class Loaded:
    """What was written. ``retried`` counts items that DynamoDB asked to send again."""

    items: int
    digest: str
    retried: int


def load(client: Any, store: BackupStore, manifest: Manifest, target: str, writers: int = WRITERS) -> Loaded:
    """
    Writes every item of the backup; each part is checked while it is read. Loading again writes the same again.

    :raises BackupNotWhole: a part is not what the manifest says: the table is not to be used.
    :raises Throttled: DynamoDB left items unprocessed for a minute.
    """
    tally, retried = Tally(), 0
    with ThreadPoolExecutor(max_workers=writers) as pool:
        write = _Writing(client, target, pool, writers)
        for part in manifest.parts:
            tally.merge(_load_part(store, part, manifest.mode, write))
        retried = write.finish()
    if (tally.items, tally.digest) != (manifest.items, manifest.digest):
        raise BackupNotWhole("the parts are not those of the manifest", items=tally.items, told=manifest.items)
    return Loaded(tally.items, tally.digest, retried)


def _load_part(store: BackupStore, part: Part, mode: str, write: _Writing) -> Tally:
    tally, reading, batch = Tally(), Reading(), list[Item]()

    def take(line: bytes) -> None:
        item = item_of(line)
        tally.add(line_of(item) if mode == EXPORT else line)
        batch.append(item)
        if len(batch) == WRITTEN_A_CALL:
            write.send(list(batch))
            batch.clear()

    try:
        read_lines(store, part.key, reading, take)
    except ValueError as error:
        raise BackupNotWhole("a line of the part is no item", key=part.key) from error
    write.send(batch)
    if reading.sha256.hexdigest() != part.sha256:
        raise BackupNotWhole("the part is not what the manifest says", key=part.key)
    return tally


class _Writing:
    """Batches side by side, never more of them waiting than there are writers."""

    def __init__(self, client: Any, target: str, pool: ThreadPoolExecutor, writers: int) -> None:
        self._put: Callable[[list[Item]], int] = lambda items: put_all(client, target, items)
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


def put_all(client: Any, target: str, items: list[Item]) -> int:
    """One batch to its end; how many items had to be sent again.

    :raises Throttled: some were left unprocessed at every attempt.
    """
    pending = [{"PutRequest": {"Item": for_boto3(item)}} for item in items]
    retried = 0
    for attempt in Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_random_exponential(multiplier=0.1, max=MAX_PAUSE_SECONDS),
        retry=retry_if_exception_type(Throttled),
        reraise=True,
    ):
        with attempt:
            request = pending
            answer = ask(lambda: client.batch_write_item(RequestItems={target: request}))  # noqa: B023 - called at once
            pending = answer.get("UnprocessedItems", {}).get(target, [])
            retried += len(pending)
            if pending:
                raise Throttled("DynamoDB left items unprocessed", table=target, items=len(pending))
    return retried
