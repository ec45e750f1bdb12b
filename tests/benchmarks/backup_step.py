"""One part of the backup benchmark in a process of its own: ``python -m tests.benchmarks.backup_step <what> …``.

Prints one JSON line. What it works on is the environment's sandbox.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins"))  # as in every Airflow component

import boto3

from migration_ops.runbook.backup.create import back_up
from migration_ops.runbook.backup.fingerprint import profile_table
from migration_ops.runbook.backup.keys import base_of
from migration_ops.runbook.backup.manifest import manifest_key, read_manifest
from migration_ops.runbook.backup.restore import create_target, load
from migration_ops.runbook.backup.serialization import raw_scans
from migration_ops.runbook.backup.store import BackupStore, protection_of
from migration_ops.runbook.backup.table import describe
from migration_ops.runbook.backup.verify import verify_backup

RUN = "bench"
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


def main(what: str, run: str) -> dict[str, Any]:
    table, bucket = (os.environ[f"MIGRATION_OPS_{name}"] for name in ("TABLE_NAME", "EVIDENCE_BUCKET"))
    s3 = boto3.client("s3")
    store = BackupStore(s3, bucket, protection_of(s3, bucket))
    base = base_of(table, run, MOMENT)
    return WORK[what](store, table, base, run)


def backup(store: BackupStore, table: str, base: str, run: str) -> dict[str, Any]:
    described = describe(boto3.client("dynamodb"), table, boto3.client("kms"))
    client = raw_scans(boto3.client("dynamodb"))
    made = back_up(client, store, described, base, run, lambda: datetime.now(UTC))
    return {"items": made.items, "bytes": sum(part.bytes for part in made.parts), "parts": len(made.parts)}


def verify(store: BackupStore, table: str, base: str, run: str) -> dict[str, Any]:
    found = verify_backup(store, base)
    return {"items": found.items, "problems": len(found.problems)}


def restore(store: BackupStore, table: str, base: str, run: str) -> dict[str, Any]:
    manifest, client = read_manifest(store, manifest_key(base)), boto3.client("dynamodb")
    create_target(client, f"{table}-{run}", manifest, table, run)
    return {"items": load(client, store, manifest, f"{table}-{run}").items}


def compare(store: BackupStore, table: str, base: str, run: str) -> dict[str, Any]:
    manifest = read_manifest(store, manifest_key(base))
    found = profile_table(raw_scans(boto3.client("dynamodb")), f"{table}-{run}").tally
    return {"items": found.items, "equal": (found.items, found.digest) == (manifest.items, manifest.digest)}


def verified(store: BackupStore, table: str, base: str, run: str) -> dict[str, Any]:
    """Made and read back, as the two tasks of the DAG do; nothing else starts in between."""
    return backup(store, table, base, run) | verify(store, table, base, run)


WORK = {"backup": backup, "verify": verify, "verified": verified, "restore": restore, "compare": compare}

if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
