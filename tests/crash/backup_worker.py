"""A backup in a process of its own, which the test kills. Its world is the sandbox's environment."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import boto3

from migration_ops.runbook.backup.make import back_up
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import describe
from migration_ops.runbook.backup.wire import raw_scans


def run_backup(environment: dict[str, str], bucket: str, table: str, base: str) -> None:
    """Makes a backup of small parts; it is killed before it comes to its end."""
    os.environ.update(environment)
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    described = describe(dynamodb, table)
    back_up(
        raw_scans(boto3.client("dynamodb")),
        BackupStore(s3, bucket),
        described,
        base,
        "killed",
        lambda: datetime.now(UTC),
        segments=2,
        part_bytes=1_000,
    )
