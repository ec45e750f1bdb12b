"""A backup is really killed (SIGKILL) in the middle: what it leaves passes for no backup, and the retry is whole."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from include.local import resources
from include.sandbox.box import Sandbox
from migration_ops.runbook.backup.errors import BackupNotWhole, NoBackup
from migration_ops.runbook.backup.layout import base_of, found_in
from migration_ops.runbook.backup.make import back_up
from migration_ops.runbook.backup.retention import sort_out
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import describe
from migration_ops.runbook.backup.verify import latest_verified, verify_backup
from migration_ops.runbook.backup.wire import raw_scans
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
    text = f"{number}-".ljust(ITEM_CHARACTERS, chr(97 + number % 26))
    return {"migrationId": {"S": f"mig-{number:04d}"}, "text": {"S": text}}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Sandbox(speed=600, seed="empty", shown="wall") as box:
        yield World(box)


@pytest.fixture(autouse=True)
def _emptied(world: World) -> Iterator[None]:
    yield
    world.box.book.remove()
    world.store.delete(world.keys())


def until(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def killed(world: World, processes: Any, when: Callable[[], Any]) -> None:
    arguments = (world.box.environment, world.bucket, world.table, world.base)
    child = processes.Process(target=run_backup, args=arguments)
    child.start()
    until(when)
    assert child.is_alive()
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    assert child.exitcode == -signal.SIGKILL


def hangs(world: World, service: str, operation: str, after: Callable[[], Any] = lambda: True) -> Callable[[], bool]:
    """From the moment that ``after`` is true the operation hangs; true when it does."""
    fired: list[dict[str, Any]] = []

    def hanging() -> bool:
        if not fired and after():
            fired.append(
                world.box.client.add_fault("timeout", service=service, operation=operation, seconds=PATIENCE_SECONDS)
            )
        return bool(fired) and any(one["id"] == fired[0]["id"] and one["fired"] for one in world.box.client.faults())

    return hanging


@pytest.mark.parametrize("stage", ["first page", "some parts", "before the manifest"])
def test_what_a_killed_backup_leaves_is_no_backup(world: World, processes: Any, stage: str) -> None:
    if stage == "first page":
        world.box.client.add_fault("delay", service="dynamodb", operation="Scan", seconds=0.5)
        when: Callable[[], Any] = lambda: world.box.client.count("dynamodb", "Scan") > 0  # noqa: E731
        world.box.calls.clear()
    elif stage == "some parts":
        world.box.client.add_fault("delay", service="dynamodb", operation="Scan", seconds=0.2)
        when = lambda: len(world.keys()) >= 2  # noqa: E731
    else:
        # Everything is there but the manifest, whose PutObject hangs: the last one of all.
        world.box.client.add_fault("delay", service="s3", operation="PutObject", seconds=0.05)
        pages = _pages(world)
        when = hangs(world, "s3", "PutObject", after=lambda: len(world.keys()) >= pages)
    killed(world, processes, when)

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
    world.box.book.remove()
    described = describe(world.dynamodb, world.table)
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
