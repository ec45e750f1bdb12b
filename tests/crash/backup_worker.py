"""A backup in a process of its own, which the test kills. Its world is the sandbox's environment."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import count
from threading import Event

import boto3

from migration_ops.runbook.backup.create import back_up
from migration_ops.runbook.backup.serialization import raw_scans
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import describe


class Stopping(BackupStore):
    """Stands still before the object that comes after so many."""

    def put(self, key: str, body: bytes, content_type: str) -> None:
        if next(_numbers) >= _after[0]:
            Event().wait()
        super().put(key, body, content_type)


_numbers = count()
_after = [0]


def run_backup(environment: dict[str, str], bucket: str, table: str, base: str, objects: int) -> None:
    """Makes a backup of small parts up to so many objects; there it waits to be killed."""
    _after[0] = objects
    os.environ.update(environment)
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    described = describe(dynamodb, table, boto3.client("kms"))
    back_up(
        raw_scans(boto3.client("dynamodb")),
        Stopping(s3, bucket),
        described,
        base,
        "killed",
        lambda: datetime.now(UTC),
        segments=2,
        part_bytes=1_000,
    )
