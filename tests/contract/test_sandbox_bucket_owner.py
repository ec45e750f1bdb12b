"""A bucket that is not of the account that the configuration names is neither read nor written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.moto.server import EVIDENCE_BUCKET, account_id
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.config import Resources
from migration_ops.core.errors import MigrationError
from migration_ops.core.settings import Settings
from migration_ops.runbook.backup.store import BackupStore, protection_of

ELSE = "999988887777"


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(seed="empty", shown="wall") as sandbox:
        sandbox.reset()
        yield sandbox


def test_the_sandbox_refuses_as_s3_does(box: Sandbox) -> None:
    s3 = box.boto("s3")
    s3.put_object(Bucket=EVIDENCE_BUCKET, Key="a", Body=b"a", ExpectedBucketOwner=account_id())
    calls: list[tuple[Any, dict[str, Any]]] = [
        (s3.put_object, {"Key": "a", "Body": b"b"}),
        (s3.get_object, {"Key": "a"}),
        (s3.list_objects_v2, {}),
        (s3.get_bucket_location, {}),
        (s3.get_bucket_encryption, {}),
        (s3.delete_objects, {"Delete": {"Objects": [{"Key": "a"}]}}),
    ]
    for call, arguments in calls:
        with pytest.raises(ClientError) as refused:
            call(Bucket=EVIDENCE_BUCKET, ExpectedBucketOwner=ELSE, **arguments)
        answer = refused.value.response
        assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("AccessDenied", 403), call
    assert s3.get_object(Bucket=EVIDENCE_BUCKET, Key="a")["Body"].read() == b"a"


def test_evidence_goes_to_the_named_account_only(box: Sandbox) -> None:
    ours, theirs = (EvidenceStore(box.boto, EVIDENCE_BUCKET, owner) for owner in (account_id(), ELSE))
    ours.put("waves/w/r/sheet.json", {"a": 1})
    with pytest.raises(MigrationError):
        theirs.put("waves/w/r/sheet.json", {"a": 2})
    with pytest.raises(MigrationError):
        theirs.get("waves/w/r/sheet.json")
    assert ours.get("waves/w/r/sheet.json") == b'{"a":1}'


def test_backups_go_to_the_named_account_only(box: Sandbox) -> None:
    s3 = box.boto("s3")
    ours, theirs = (BackupStore(s3, EVIDENCE_BUCKET, owner=owner) for owner in (account_id(), ELSE))
    ours.put("backups/t/part", b"a", "text/plain")
    refused: list[Any] = [
        lambda: theirs.put("backups/t/part", b"b", "text/plain"),
        lambda: theirs.get("backups/t/part"),
        lambda: list(theirs.objects("backups/")),
        lambda: theirs.delete(["backups/t/part"]),
        lambda: protection_of(s3, EVIDENCE_BUCKET, ELSE),
    ]
    for call in refused:
        with pytest.raises(MigrationError):
            call()
    assert ours.get("backups/t/part") == b"a"


@pytest.mark.parametrize(
    ("bucket", "its_owner", "evidence_owner", "expected"),
    [
        ("", "", "", None),
        ("", "", "111122223333", "111122223333"),
        ("", ELSE, "111122223333", ELSE),
        # A bucket of its own may be of another account: the owner of the evidence says nothing about it.
        ("vault", "", "111122223333", None),
        ("vault", ELSE, "111122223333", ELSE),
    ],
)
def test_whose_bucket_backups_are_in(bucket: str, its_owner: str, evidence_owner: str, expected: str | None) -> None:
    resources = Resources(backup_bucket=bucket, backup_bucket_owner=its_owner)
    assert resources.owner_of_backups(Settings(evidence_bucket_owner=evidence_owner)) == expected
