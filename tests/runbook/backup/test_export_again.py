"""An export is asked for again after a known failure, and found again after an unknown outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from migration_ops.core.errors import MigrationError
from migration_ops.runbook.backup.export import look_at_export, seal_export, start_export
from migration_ops.runbook.backup.manifest import BackupNotWholeError
from migration_ops.runbook.backup.store import BackupStore
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, odd_items


def waited(lab: Lab, arn: str) -> Any:
    found = None
    while found is None:
        found = look_at_export(lab.dynamodb, arn)
    return found


def test_after_a_failure_it_is_another_export(lab: Lab) -> None:
    store, base = BackupStore(lab.s3, "made-later"), lab.base("run-1")
    failed = []
    for _ in range(2):
        failed.append(start_export(lab.dynamodb, store, lab.described, base))
        with pytest.raises(MigrationError, match="S3NoSuchBucket"):
            waited(lab, failed[-1])
    lab.s3.create_bucket(Bucket="made-later")
    arn = start_export(lab.dynamodb, store, lab.described, base)
    assert len({*failed, arn}) == 3
    assert waited(lab, arn)["ExportStatus"] == "COMPLETED"
    assert start_export(lab.dynamodb, store, lab.described, base) == arn


def test_after_an_unknown_outcome_it_is_the_same_export(lab: Lab) -> None:
    base = lab.base("run-1")
    lab.box.client.add_fault("timeoutAfter", service="dynamodb", operation="ExportTableToPointInTime", times=1)
    impatient = lab.box.boto("dynamodb", read_timeout=2)
    arns = {start_export(impatient, lab.store, lab.described, base) for _ in range(2)}
    assert len(arns) == 1


def test_the_whole_run_cleared_after_a_failed_export(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.put(list(odd_items(20)))
    run = Run("runbook_backup", params={"mode": "export", "notify": False})

    def elsewhere(client: Any, store: Any, table: Any, base: str) -> str:
        return start_export(client, BackupStore(store.client, "never-made"), table, base)

    with monkeypatch.context() as patch:
        patch.setattr("migration_ops.operators.backup.backup.start_export", elsewhere)
        run.whole()
    assert run.states["exported"] == "failed"
    assert run.whole().is_green, run.errors


def test_an_export_whose_files_were_spoilt_is_asked_for_anew(lab: Lab) -> None:
    lab.put(list(odd_items(20)))

    def spoil(task_id: str) -> None:
        if task_id == "seal" and not spoilt:
            key = next(one.key for one in lab.store.objects("backups/") if one.key.endswith(".json.gz"))
            spoilt.append(key)
            lab.store.put(key, b"spoilt", "application/gzip")

    spoilt: list[str] = []
    run = Run("runbook_backup", params={"mode": "export", "notify": False}, before=spoil).whole()
    assert run.states["seal"] == "failed"
    assert run.whole().is_green, run.errors


@pytest.mark.parametrize("owner", [None, "210987654321"])
def test_the_owner_of_the_bucket_is_named_only_where_it_is_known(lab: Lab, owner: str | None) -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def export_table_to_point_in_time(self, **request: Any) -> dict[str, Any]:
            asked.append(request)
            return {"ExportDescription": {"ExportArn": "arn:export/1", "ExportStatus": "IN_PROGRESS"}}

    start_export(Client(), BackupStore(lab.s3, lab.bucket, owner=owner), lab.described, lab.base("run-1"))
    assert asked[0].get("S3BucketOwner") == owner
    assert ("S3BucketOwner" in asked[0]) is (owner is not None)


@pytest.mark.parametrize("rename", ["checksum", "both", "none", "wrong"])
def test_both_names_of_a_checksum_file_are_taken(lab: Lab, rename: str) -> None:
    lab.put(list(odd_items(20)))
    base = lab.base("run-1")
    found = waited(lab, start_export(lab.dynamodb, lab.store, lab.described, base))
    for one in [one.key for one in lab.store.objects(base) if one.key.endswith(".md5")]:
        body = lab.store.get(one)
        if rename != "none":
            other = b"AAAA" + body[4:] if rename == "wrong" else body
            lab.store.put(f"{one.removesuffix('.md5')}.checksum", other, "text/plain")
        if rename in ("checksum", "none"):
            lab.s3.delete_object(Bucket=lab.bucket, Key=one)

    def seal() -> Any:
        return seal_export(lab.store, lab.described, base, "run-1", found, lambda: datetime.now(UTC))

    if rename in ("none", "wrong"):
        with pytest.raises(BackupNotWholeError):
            seal()
    else:
        assert seal().items == 20


@pytest.mark.parametrize("mode", ["scan", "export"])
def test_the_report_says_where_the_backup_is(lab: Lab, mode: str) -> None:
    lab.put(list(odd_items(3)))
    run = Run("runbook_backup", params={"mode": mode, "notify": False}).whole()
    found = run.finding("backup_place")
    assert found["verdict"] == "OK"
    assert "same account and Region" in found["reason"]
