"""A backup is really killed (SIGKILL) in the middle: what it leaves passes for no backup, and the retry is whole."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from include.local import resources
from include.sandbox.sandbox import Sandbox
from migration_ops.runbook.backup.create import back_up
from migration_ops.runbook.backup.keys import base_of, found_in
from migration_ops.runbook.backup.manifest import BackupNotWhole, NoBackup
from migration_ops.runbook.backup.retention import sort_out
from migration_ops.runbook.backup.serialization import raw_scans
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import describe
from migration_ops.runbook.backup.verify import latest_verified, verify_backup
from tests.crash.backup_worker import run_backup

PATIENCE_SECONDS = 30.0
ITEMS, ITEM_CHARACTERS = 400, 20_000


@pytest.fixture(scope="module")
def processes() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.crash.backup_worker"])
        yield context


class World:
    """The account with a table of many pages."""

    def __init__(self, box: Sandbox) -> None:
        made = resources.make(box.environment)
        self.box, self.table = box, made["MIGRATION_OPS_TABLE_NAME"]
        self.bucket = made["MIGRATION_OPS_EVIDENCE_BUCKET"]
        self.dynamodb, self.store = box.boto("dynamodb"), BackupStore(box.boto("s3"), self.bucket)
        for start in range(0, ITEMS, 25):
            some = [_item(number) for number in range(start, start + 25)]
            self.dynamodb.batch_write_item(RequestItems={self.table: [{"PutRequest": {"Item": one}} for one in some]})

    @property
    def base(self) -> str:
        return base_of(self.table, "killed", datetime(2026, 5, 1, tzinfo=UTC))

    def keys(self) -> list[str]:
        return [one.key for one in self.store.objects("backups/")]


def _item(number: int) -> dict[str, Any]:
    # Of no pattern, so that each page compressed is more than a part.
    text = random.Random(number).randbytes(ITEM_CHARACTERS // 2).hex()
    return {"migrationId": {"S": f"mig-{number:04d}"}, "text": {"S": text}}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Sandbox(speed=600, seed="empty", shown="wall") as box:
        yield World(box)


@pytest.fixture(autouse=True)
def _emptied(world: World) -> Iterator[None]:
    yield
    world.store.delete(world.keys())


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


@pytest.mark.parametrize("stage", ["first page", "some parts", "before the manifest"])
def test_what_a_killed_backup_leaves_is_no_backup(world: World, processes: Any, stage: str) -> None:
    """It stands still before its n-th object, and is killed there. The manifest is the last one."""
    done = {"first page": 0, "some parts": 2, "before the manifest": _pages(world)}[stage]
    world.box.calls.clear()
    arguments = (world.box.environment, world.bucket, world.table, world.base, done)
    child = processes.Process(target=run_backup, args=arguments)
    child.start()
    until(lambda: world.box.client.count("dynamodb", "Scan") > 0 and len(world.keys()) == done)
    assert child.is_alive()
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL

    left = world.keys()
    assert bool(left) is (stage != "first page")
    assert not [key for key in left if key.endswith(".json")]
    with pytest.raises(BackupNotWhole, match="no manifest"):
        verify_backup(world.store, world.base)
    with pytest.raises(NoBackup):
        latest_verified(world.store, world.table)
    found, _ = found_in(world.store.objects("backups/"))
    done = sort_out(found, [], None, datetime.now(UTC).date(), 10**4)
    assert (done.kept, len(done.left)) == ((), len(found))

    # Cleared, the same run begins again, and is whole.
    described = describe(world.dynamodb, world.table, world.box.boto("kms"))
    client = raw_scans(world.box.boto("dynamodb"))
    manifest = back_up(client, world.store, described, world.base, "killed", lambda: datetime.now(UTC))
    assert manifest.items == ITEMS
    assert verify_backup(world.store, world.base).problems == ()
    assert {*world.keys()} == {*(part.key for part in manifest.parts), f"{world.base}/manifest.json"}


def _pages(world: World) -> int:
    """Of the scan in two segments: with such small parts, one part each."""
    total = 0
    for segment in range(2):
        pages = world.dynamodb.get_paginator("scan").paginate(
            TableName=world.table, Segment=segment, TotalSegments=2, ConsistentRead=True
        )
        total += sum(1 for page in pages if page["Items"])
    return total
