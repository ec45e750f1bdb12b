"""The policies of the three DAGs allow every call of a run, and of the live table only reads and archive notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record
from tests.runbook.backup.dag_run import Run
from tests.runbook.backup.lab import Lab, days_ago, odd_items

IAM = Path(__file__).resolve().parents[3] / "include" / "iam"
# The IAM action of an operation that is called otherwise.
ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    # A transaction of updates.
    "dynamodb:TransactWriteItems": "dynamodb:UpdateItem",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
}
PARAMS: dict[str, dict[str, Any]] = {
    "runbook_backup": {"mode": "scan"},
    "migration_restore": {"dryRun": False, "target": "migration-state-again"},
    "runbook_dr_drill": {},
}
LIVE = "arn:aws:dynamodb:*:*:table/migration-state"
READS = ("BatchGet", "Describe", "Scan", "Export", "RestoreTableToPointInTime")


def statements(*names: str) -> list[dict[str, Any]]:
    return [one for name in names for one in json.loads((IAM / f"{name}.json").read_text())["Statement"]]


@pytest.mark.parametrize("dag_id", PARAMS)
def test_every_call_is_allowed(lab: Lab, monkeypatch: pytest.MonkeyPatch, dag_id: str) -> None:
    monkeypatch.delenv("SANDBOX_CONTROL_URL")
    lab.put(list(odd_items(30)))
    lab.migrations(1)
    Run("runbook_backup", params={"notify": False}).whole()
    lab.box.calls.clear()
    run = Run(dag_id, "manual-2", {"notify": False, **PARAMS[dag_id]}).whole()
    assert run.is_green, run.errors
    made = {f"{one['service']}:{one['operation']}" for one in lab.box.calls.counts()}
    needed = {ACTIONS.get(one, one) for one in made if one.split(":")[0] in ("dynamodb", "s3", "kms")}
    # Reports are runbook.json's, which all of them have.
    allowed = {action for one in statements(dag_id, "runbook") for action in one["Action"]}
    assert needed <= allowed


def test_every_call_of_the_archive_is_allowed(lab: Lab) -> None:
    lab.put(list(odd_items(800)))
    ledger = DynamoDbLedger(lab.dynamodb, lab.table, lambda: days_ago(200))
    record = Record("mig-old", "wave-old", "app", "s-old", Phase.PLANNED)
    for phase in (Phase.PLANNED, Phase.FAILED):
        [record] = ledger.write([record], [record.to(phase)], "moved", {})
    lab.box.calls.clear()
    run = Run("runbook_backup", "manual-1", {"notify": False, "mode": "scan"}).whole()
    assert run.values["archive", "return_value"]["archived"] == 1
    made = {f"{one['service']}:{one['operation']}" for one in lab.box.calls.counts()}
    needed = {ACTIONS.get(one, one) for one in made if one.split(":")[0] in ("dynamodb", "s3")}
    assert needed <= {action for one in statements("runbook_backup", "runbook") for action in one["Action"]}


@pytest.mark.parametrize("dag_id", PARAMS)
def test_the_live_table_is_only_read(dag_id: str) -> None:
    for one in statements(dag_id):
        if LIVE in one["Resource"] and one["Sid"] != "TimeToLiveOfWhatIsArchived":
            assert all(action.split(":")[1].startswith(READS) for action in one["Action"])


def test_the_archive_writes_what_the_archive_notes_and_nothing_else() -> None:
    """Not what a record says, nor a line: those are what anchors vouch for."""
    [one] = [one for one in statements(*PARAMS) if one["Sid"] == "TimeToLiveOfWhatIsArchived"]
    assert one["Action"] == ["dynamodb:UpdateItem"]
    named = set(one["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"])
    notes = {"expiresAt", "archiveKey", "archivedAt", "archivedSequence", "archivedDigest"}
    # The key, and the version that the update is conditional on; both are in no digest's place.
    assert named == notes | {"migrationId", "version"}
