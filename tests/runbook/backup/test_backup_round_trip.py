"""What is backed up is what comes back, item by item, by scan and by export; and nothing is made twice."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime

import pytest

from migration_ops.core.errors import MigrationError, StepFailedError
from migration_ops.runbook.backup.export import look_at_export, seal_export, start_export
from migration_ops.runbook.backup.fingerprint import broken_chains, profile_table
from migration_ops.runbook.backup.manifest import Manifest
from migration_ops.runbook.backup.restore import TableExistsError, create_target, load
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.verify import latest_verified, mark_verified, verify_backup
from tests.runbook.backup.lab import Lab, odd_items

ITEMS = 3000


def export(lab: Lab, run_id: str) -> tuple[str, Manifest]:
    base = lab.base(run_id)
    arn = start_export(lab.dynamodb, lab.store, lab.described, base)
    found = None
    while found is None:
        found = look_at_export(lab.dynamodb, arn)
    return base, seal_export(lab.store, lab.described, base, run_id, found, lambda: datetime.now(UTC))


def restore(lab: Lab, manifest: Manifest, target: str = "restored") -> None:
    assert create_target(lab.dynamodb, target, manifest, lab.table, "run-r") == "ACTIVE"
    loaded = load(lab.dynamodb, lab.store, manifest, target)
    assert (loaded.items, loaded.digest) == (manifest.items, manifest.digest)


@pytest.mark.parametrize("mode", ["scan", "export"])
def test_thousands_of_odd_items_come_back_as_they_were(lab: Lab, mode: str) -> None:
    lab.put(list(odd_items(ITEMS)))
    migrations = lab.migrations(3)
    before = lab.items()
    # Small parts, so that there are many.
    base, manifest = lab.back_up("run-1", segments=1, part_bytes=20_000) if mode == "scan" else export(lab, "run-1")
    assert manifest.items == len(before) == ITEMS + 3 * 4
    assert len(manifest.parts) > 1
    verified = verify_backup(lab.store, base)
    assert verified.problems == ()

    restore(lab, manifest)
    assert lab.items("restored") == before
    profile = profile_table(lab.scanning, "restored")
    assert (profile.tally.items, profile.tally.digest) == (manifest.items, manifest.digest)
    assert profile.migrations == set(migrations)
    assert broken_chains(lab.dynamodb, "restored", profile.migrations) == {}


def test_both_ways_give_the_same_digest(lab: Lab) -> None:
    lab.put(list(odd_items(200)))
    assert lab.back_up("run-s")[1].digest == export(lab, "run-e")[1].digest


def test_an_empty_table_is_a_backup_too(lab: Lab) -> None:
    base, manifest = lab.back_up()
    assert (manifest.items, manifest.parts) == (0, ())
    assert verify_backup(lab.store, base).problems == ()


def test_the_new_table_is_like_the_old_one_but_protects_and_forgets_nothing(lab: Lab) -> None:
    _, manifest = lab.back_up()
    restore(lab, manifest)
    old, new = (lab.dynamodb.describe_table(TableName=name)["Table"] for name in (lab.table, "restored"))
    for name in ("KeySchema", "AttributeDefinitions", "BillingModeSummary"):
        assert new[name] == old[name]
    names = [sorted(one["IndexName"] for one in table["GlobalSecondaryIndexes"]) for table in (old, new)]
    assert names[0] == names[1]
    assert old["DeletionProtectionEnabled"] is True
    assert new["DeletionProtectionEnabled"] is False
    assert lab.described.settings["timeToLive"] == "expiresAt"
    assert lab.dynamodb.describe_time_to_live(TableName="restored")["TimeToLiveDescription"]["TimeToLiveStatus"] == (
        "DISABLED"
    )


@pytest.mark.parametrize("target", ["migration-state", "somebody-elses"])
def test_no_table_that_exists_is_written_into(lab: Lab, target: str) -> None:
    lab.put(list(odd_items(3)))
    _, manifest = lab.back_up()
    request = {**manifest.create_table, "TableName": "somebody-elses"}
    lab.dynamodb.create_table(**request)
    with pytest.raises(TableExistsError):
        create_target(lab.dynamodb, target, manifest, lab.table, "run-r")
    assert lab.items("somebody-elses") == {}


def test_a_table_of_the_same_run_is_gone_on_with(lab: Lab) -> None:
    lab.put(list(odd_items(30)))
    _, manifest = lab.back_up()
    restore(lab, manifest)
    restore(lab, manifest)
    assert lab.items("restored") == lab.items()
    with pytest.raises(TableExistsError):
        create_target(lab.dynamodb, "restored", manifest, lab.table, "another-run")


def test_a_backup_that_was_finished_is_not_made_again(lab: Lab) -> None:
    lab.put(list(odd_items(10)))
    _, first = lab.back_up()
    lab.put(list(odd_items(20)))
    lab.box.calls.clear()
    _, again = lab.back_up()
    assert again == first
    assert lab.box.client.count("dynamodb", "Scan") == 0


def test_parts_are_what_dynamodb_imports(lab: Lab) -> None:
    """Lines of ``{"Item": …}``, gzip: the format of exports, which ImportTable reads too."""
    lab.put(list(odd_items(5)))
    _, manifest = lab.back_up()
    lines = [line for part in manifest.parts for line in gzip.decompress(lab.store.get(part.key)).splitlines()]
    assert len(lines) == 5
    assert all(set(json.loads(line)) == {"Item"} for line in lines)


def test_what_is_written_meanwhile_is_named(lab: Lab) -> None:
    lab.put(list(odd_items(5)))
    lab.migrations(2)
    _, manifest = lab.back_up()
    assert manifest.written_during == ("mig-wave-1-000", "mig-wave-1-001")


def test_each_object_is_encrypted_and_has_its_checksum(lab: Lab) -> None:
    lab.put(list(odd_items(5)))
    base, manifest = lab.back_up()
    for key in (manifest.parts[0].key, f"{base}/manifest.json"):
        head = lab.s3.head_object(Bucket=lab.bucket, Key=key, ChecksumMode="ENABLED")
        # With the key of the stack, which the bucket names.
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head["ChecksumSHA256"]


def test_a_bucket_with_object_lock_keeps_each_object(lab: Lab) -> None:
    lab.s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    locked = Lab(lab.box, lab.table, "locked")
    until = datetime(2030, 1, 2, tzinfo=UTC)
    locked.store = BackupStore(locked.s3, "locked", locked.store.protection, until)
    locked.put(list(odd_items(3)))
    base, _ = locked.back_up()
    head = lab.s3.head_object(Bucket="locked", Key=f"{base}/manifest.json")
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == ("GOVERNANCE", until)


def test_the_latest_is_the_newest_that_was_verified(lab: Lab) -> None:
    lab.put(list(odd_items(3)))
    for run_id in ("run-1", "run-2", "run-3"):
        base, _ = lab.back_up(run_id)
        if run_id != "run-3":
            mark_verified(lab.store, base, verify_backup(lab.store, base), datetime.now(UTC))
    assert latest_verified(lab.store, lab.table)[1].run_id == "run-2"


def test_the_same_run_starts_one_export(lab: Lab) -> None:
    arns = {start_export(lab.dynamodb, lab.store, lab.described, lab.base("run-1")) for _ in range(2)}
    assert len(arns) == 1
    assert start_export(lab.dynamodb, lab.store, lab.described, lab.base("run-2")) not in arns


def test_an_export_that_fails_says_why(lab: Lab) -> None:
    store = BackupStore(lab.s3, "no-such-bucket")
    arn = start_export(lab.dynamodb, store, lab.described, lab.base("run-1"))
    with pytest.raises(StepFailedError, match="S3NoSuchBucket"):
        look_at_export(lab.dynamodb, arn)


@pytest.mark.parametrize("operation", ["Scan", "PutObject", "ListObjectsV2", "GetObject"])
def test_a_refused_call_leaves_no_backup(lab: Lab, operation: str) -> None:
    lab.put(list(odd_items(5)))
    service = "dynamodb" if operation == "Scan" else "s3"
    lab.box.client.add_fault("accessDenied", service=service, operation=operation)
    with pytest.raises(MigrationError):
        verify_backup(lab.store, lab.back_up()[0])
    lab.box.faults.remove()
    if operation != "GetObject":
        assert not [one for one in lab.store.objects("backups/") if one.key.endswith("manifest.json")]
