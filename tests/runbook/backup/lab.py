"""A table with items of every kind, and what a backup needs, on the sandbox."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from include.sandbox.moto import dynamodb_exports
from include.sandbox.sandbox import Sandbox
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record
from migration_ops.runbook.backup.create import back_up
from migration_ops.runbook.backup.keys import base_of
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.serialization import raw_scans
from migration_ops.runbook.backup.store import BackupStore, protection_of
from migration_ops.runbook.backup.table import Described, describe

Item = dict[str, Any]


@dataclass
class Lab:
    """:param bucket: of backups, the package's own."""

    box: Sandbox
    table: str
    bucket: str
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.dynamodb = self.box.boto("dynamodb")
        self.s3 = self.box.boto("s3")
        self.store = BackupStore(self.s3, self.bucket, protection_of(self.s3, self.bucket))

    @property
    def scanning(self) -> Any:
        return raw_scans(self.box.boto("dynamodb"))

    @property
    def described(self) -> Described:
        return describe(self.dynamodb, self.table, self.box.boto("kms"))

    def base(self, run_id: str, at: datetime | None = None) -> str:
        return base_of(self.table, run_id, at or self.clock)

    def back_up(self, run_id: str = "run-1", at: datetime | None = None, **more: Any) -> tuple[str, Manifest]:
        base = self.base(run_id, at)
        made = back_up(self.scanning, self.store, self.described, base, run_id, lambda: at or datetime.now(UTC), **more)
        return base, made

    def put(self, items: list[Item], table: str | None = None) -> None:
        groups = [items[start : start + 25] for start in range(0, len(items), 25)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda some: self._put(some, table or self.table), groups))

    def _put(self, items: list[Item], table: str) -> None:
        self.dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": one}} for one in items]})

    def items(self, table: str | None = None) -> dict[str, Item]:
        """As boto3 itself reads them; sets compared as sets."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table or self.table)
        return {one["migrationId"]["S"]: _comparable(one) for page in pages for one in page["Items"]}

    def migrations(self, number: int, wave: str = "wave-1") -> list[str]:
        """Records with histories of three lines, as the ledger writes them."""
        ledger = DynamoDbLedger(self.dynamodb, self.table)
        ids = [f"mig-{wave}-{one:03d}" for one in range(number)]
        for name in ids:
            old = Record(name, wave, "app", f"s-{name}", Phase.PLANNED)
            for phase in (Phase.PLANNED, Phase.READY, Phase.FAILED):
                old = ledger.write([old], [old.to(phase)], "moved", {"to": phase.value})[0]
        return ids

    def forget_anchors(self) -> None:
        """With all versions, which the bucket's policy denies: what was deleted only counts as tampered with."""
        policy = self.s3.get_bucket_policy(Bucket=self.bucket)["Policy"]
        self.s3.delete_bucket_policy(Bucket=self.bucket)
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix="anchors/")
        for one in [one for page in pages for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]]:
            self.s3.delete_object(Bucket=self.bucket, Key=one["Key"], VersionId=one["VersionId"])
        self.s3.put_bucket_policy(Bucket=self.bucket, Policy=policy)

    def empty(self) -> None:
        dynamodb_exports.forget_all()
        keys = [{"DeleteRequest": {"Key": {"migrationId": {"S": name}}}} for name in self.items()]
        for start in range(0, len(keys), 25):
            self.dynamodb.batch_write_item(RequestItems={self.table: keys[start : start + 25]})
        for one in [*self.store.objects("backups/"), *self.store.objects("archive/")]:
            self.s3.delete_object(Bucket=self.bucket, Key=one.key)
        self.forget_anchors()
        for name in self.dynamodb.list_tables()["TableNames"]:
            if name != self.table:
                self.dynamodb.delete_table(TableName=name)


def days_ago(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def odd_items(number: int, seed: int = 0) -> Iterator[Item]:
    """Items of every type DynamoDB has, with the values that break serialisers."""
    dice = random.Random(seed)
    for one in range(number):
        yield {
            "migrationId": {"S": f"odd-{one:05d}-{dice.choice(['é', '日本', 'a b', '/'])}"},
            "empty": {"S": ""},
            "text": {"S": dice.choice(['\n\r\t"\\', " ", "😀", '{"SS":["b","a"]}', '"B":'])},
            "number": {"N": dice.choice(["0", "-1", "1E+125", "12345678901234567890123456789012345678", "0.1"])},
            "bytes": {"B": dice.randbytes(dice.randrange(1, 40))},
            "none": {"NULL": True},
            "flag": {"BOOL": dice.random() < 0.5},
            "texts": {"SS": dice.sample(["x", "y", "z", "é"], 3)},
            "numbers": {"NS": dice.sample(["1", "2", "30", "-4"], 3)},
            "blobs": {"BS": [bytes([one % 256, 1]), b"\x00\xff", b"z"]},
            "list": {"L": [{"S": ""}, {"N": "1"}, {"L": []}, {"B": b"\x01"}, {"M": {"set": {"SS": ["q", "p"]}}}]},
            "map": {"M": {"": {"S": "an empty name"}, "deep": {"M": {"blob": {"B": b"\xfe"}, "none": {"NULL": True}}}}},
        }


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: sorted(one) if name in ("SS", "NS", "BS") and isinstance(one, list) else _comparable(one)
            for name, one in value.items()
        }
    return [_comparable(one) for one in value] if isinstance(value, list) else value
