"""Memory of a backup, of reading it back and of a restore does not grow with the table."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from migration_ops.runbook.backup.create import PartWriter
from migration_ops.runbook.backup.manifest import Manifest, Part
from migration_ops.runbook.backup.restore import load
from migration_ops.runbook.backup.serialization import Item
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.verify import verify_backup

MIB = 1 << 20
# Of pages like DynamoDB's; far less than what all the text takes.
LIMIT_MIB, PAGES, ITEMS_A_PAGE = 40, 200, 300


class Disk:
    """S3 as files: what is put there takes no memory of this process."""

    def __init__(self, folder: Any) -> None:
        self.folder = folder

    def put_object(self, *, Key: str, Body: bytes, **_: Any) -> dict[str, str]:
        path = self.folder / Key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Body)
        return {"ServerSideEncryption": "AES256"}

    def get_object(self, *, Key: str, **_: Any) -> dict[str, Any]:
        return {"Body": _Body((self.folder / Key).open("rb"))}


class _Body:
    def __init__(self, file: Any) -> None:
        self.file = file

    def iter_chunks(self, size: int) -> Any:
        with self.file:
            while chunk := self.file.read(size):
                yield chunk


class Sink:
    """DynamoDB that takes everything and keeps nothing."""

    def batch_write_item(self, **_: Any) -> dict[str, Any]:
        return {"UnprocessedItems": {}}


def page(number: int) -> list[Item]:
    return [
        {"migrationId": {"S": f"mig-{number}-{one}"}, "text": {"S": f"{number * one:06d}-" * 400}}
        for one in range(ITEMS_A_PAGE)
    ]


def peak_mib(work: Callable[[], Any]) -> float:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


@pytest.fixture
def store(tmp_path: Any) -> BackupStore:
    return BackupStore(Disk(tmp_path), "bucket")


def write(store: BackupStore) -> Manifest:
    writer = PartWriter(store, "backups/t/2026/01/01/r", 0, "9", part_bytes=MIB // 2)
    for number in range(PAGES):
        writer.take(page(number))
    writer.flush()
    made = Manifest(
        table="t",
        table_arn="",
        run_id="r",
        mode="scan",
        started_at="",
        ended_at="",
        consistent_at="",
        items=writer.tally.items,
        raw_bytes=writer.tally.raw_bytes,
        digest=writer.tally.digest,
        create_table={},
        settings={},
        parts=tuple(writer.parts),
    )
    store.put_document("backups/t/2026/01/01/r/manifest.json", made.as_document())
    return made


def test_memory_is_that_of_a_few_pages(store: BackupStore) -> None:
    made: list[Manifest] = []
    assert peak_mib(lambda: made.append(write(store))) < LIMIT_MIB
    manifest = made[0]
    assert manifest.raw_bytes > 3 * LIMIT_MIB * MIB, "otherwise it would show nothing"
    assert len(manifest.parts) > 1
    assert peak_mib(lambda: verify_backup(store, "backups/t/2026/01/01/r")) < LIMIT_MIB
    assert peak_mib(lambda: load(Sink(), store, manifest, "target", writers=2)) < LIMIT_MIB


def test_one_part_of_everything_is_read_a_little_at_a_time(store: BackupStore) -> None:
    """As DynamoDB's exports may have it: what a small object inflates to is never in memory at once."""
    writer = PartWriter(store, "b", 0, "9", part_bytes=1 << 40)
    for number in range(PAGES):
        writer.take(page(number))
    writer.flush()
    part: Part = writer.parts[0]
    manifest = Manifest(**{**vars(write(store)), "parts": (part,)})
    assert len(manifest.parts) == 1
    assert peak_mib(lambda: load(Sink(), store, manifest, "target", writers=2)) < LIMIT_MIB
