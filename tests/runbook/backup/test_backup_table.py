"""What a restore makes a table from, and how it writes. What moto never answers is stubbed with botocore's model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from migration_ops.aws.errors import NotFoundError
from migration_ops.core.errors import MigrationError, StepFailedError, ThrottledError, UnknownError
from migration_ops.core.field_text import tag_value
from migration_ops.runbook.backup import restore
from migration_ops.runbook.backup.drill import Scratch, is_ours
from migration_ops.runbook.backup.fingerprint import SAMPLED, Profile, Sampled, compare_samples
from migration_ops.runbook.backup.restore import put_all
from migration_ops.runbook.backup.scan import scan_table
from migration_ops.runbook.backup.store import BackupStore
from migration_ops.runbook.backup.table import create_request, describe, raw_description
from tests.runbook.backup.lab import Lab

KEY_ARN = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
KEYS = {
    "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
}
INDEX = {
    "IndexName": "i",
    "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}
CAPACITY = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 6}


def client(service: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none")


@pytest.fixture
def dynamodb() -> Iterator[tuple[Any, Stubber]]:
    made = client("dynamodb")
    with Stubber(made) as stubber:
        yield made, stubber
        stubber.assert_no_pending_responses()


def test_a_request_of_an_on_demand_table() -> None:
    found = {**KEYS, "BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}, "GlobalSecondaryIndexes": [INDEX]}
    found["GlobalSecondaryIndexes"] = [{**INDEX, "IndexStatus": "ACTIVE", "ProvisionedThroughput": CAPACITY}]
    assert create_request(found) == {**KEYS, "BillingMode": "PAY_PER_REQUEST", "GlobalSecondaryIndexes": [INDEX]}


def test_a_request_of_a_provisioned_table() -> None:
    more = {"ProvisionedThroughput": {**CAPACITY, "NumberOfDecreasesToday": 1}, "LocalSecondaryIndexes": [INDEX]}
    found = {**KEYS, **more, "GlobalSecondaryIndexes": [{**INDEX, "ProvisionedThroughput": CAPACITY}]}
    assert create_request(found) == {
        **KEYS,
        "BillingMode": "PROVISIONED",
        "ProvisionedThroughput": CAPACITY,
        "GlobalSecondaryIndexes": [{**INDEX, "ProvisionedThroughput": CAPACITY}],
        "LocalSecondaryIndexes": [INDEX],
    }


@pytest.mark.parametrize(("manager", "named"), [("AWS", False), ("CUSTOMER", True)])
def test_only_a_key_of_our_own_is_named_again(dynamodb: tuple[Any, Stubber], manager: str, named: bool) -> None:
    """moto knows no managed keys: DescribeKey is stubbed. CreateTable refuses the managed key by its name."""
    made, stubber = dynamodb
    encryption = {"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": KEY_ARN}
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
    table = {**KEYS, "TableName": "ttt", "TableArn": arn, "TableStatus": "ACTIVE", "SSEDescription": encryption}
    table |= {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}
    stubber.add_response("describe_table", {"Table": table}, {"TableName": "ttt"})
    stubber.add_response("describe_time_to_live", {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}})
    recovery = {"ContinuousBackupsStatus": "ENABLED"}
    stubber.add_response("describe_continuous_backups", {"ContinuousBackupsDescription": recovery})
    kms = client("kms")
    with Stubber(kms) as keys:
        keys.add_response("describe_key", {"KeyMetadata": {"KeyId": "k", "KeyManager": manager}}, {"KeyId": KEY_ARN})
        found = describe(made, "ttt", kms)
    assert ("KMSMasterKeyId" in found.create_table["SSESpecification"]) is named
    assert found.has_pitr is False


def test_recovery_that_is_on_without_a_time_is_unknown(dynamodb: tuple[Any, Stubber]) -> None:
    made, stubber = dynamodb
    table = {**KEYS, "TableName": "ttt", "TableArn": "a:b:c:d:e:f", "TableStatus": "ACTIVE"}
    table |= {"BillingModeSummary": {"BillingMode": "PAY_PER_REQUEST"}}
    stubber.add_response("describe_table", {"Table": table})
    stubber.add_response("describe_time_to_live", {"TimeToLiveDescription": {}})
    recovery = {"ContinuousBackupsStatus": "ENABLED"}
    recovery["PointInTimeRecoveryDescription"] = {"PointInTimeRecoveryStatus": "ENABLED"}  # type: ignore[assignment]
    stubber.add_response("describe_continuous_backups", {"ContinuousBackupsDescription": recovery})
    with pytest.raises(UnknownError):
        describe(made, "ttt", None)


def test_no_table_and_no_answer_are_not_the_same(lab: Lab) -> None:
    assert raw_description(lab.dynamodb, "no-such-table") is None
    with pytest.raises(NotFoundError):
        describe(lab.dynamodb, "no-such-table", None)
    lab.box.client.add_fault("accessDenied", service="dynamodb", operation="DescribeTable")
    with pytest.raises(MigrationError):
        raw_description(lab.dynamodb, "no-such-table")


def _put(number: int) -> dict[str, Any]:
    return {"PutRequest": {"Item": {"k": {"S": str(number)}}}}


def test_what_dynamodb_leaves_unprocessed_is_sent_again(
    dynamodb: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch
) -> None:
    """moto processes everything: BatchWriteItem is stubbed."""
    monkeypatch.setattr(restore, "MAX_PAUSE_SECONDS", 0.01)
    made, stubber = dynamodb
    requests = [[_put(n) for n in some] for some in ((0, 1, 2), (1, 2), (2,))]
    for request, left in zip(requests, [*requests[1:], []], strict=True):
        answer = {"UnprocessedItems": {"t": left} if left else {}}
        stubber.add_response("batch_write_item", answer, {"RequestItems": {"t": request}})
    assert put_all(made, "t", [{"k": {"S": str(n)}} for n in range(3)]) == 3


def test_patience_ends(dynamodb: tuple[Any, Stubber], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restore, "MAX_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(restore, "ATTEMPTS", 3)
    made, stubber = dynamodb
    for _ in range(3):
        stubber.add_response("batch_write_item", {"UnprocessedItems": {"t": [_put(0)]}}, {"RequestItems": ANY})
    with pytest.raises(ThrottledError):
        put_all(made, "t", [{"k": {"S": "0"}}])


def test_a_page_that_says_another_number_is_unknown(dynamodb: tuple[Any, Stubber]) -> None:
    made, stubber = dynamodb
    stubber.add_response("scan", {"Items": [{"k": {"S": "0"}}], "Count": 2})
    with pytest.raises(UnknownError, match="another number"):
        scan_table(made, "t", lambda _: Profile(), 1)


def test_a_page_that_is_no_answer_is_no_end_of_the_table(lab: Lab) -> None:
    lab.box.client.add_fault("notJson", service="dynamodb", operation="Scan")
    with pytest.raises(MigrationError):
        scan_table(lab.scanning, lab.table, lambda _: Profile(), 2)


def test_an_object_that_is_not_encrypted_is_no_part() -> None:
    s3 = client("s3")
    with Stubber(s3) as stubber:
        stubber.add_response("put_object", {})
        with pytest.raises(StepFailedError, match="encrypted"):
            BackupStore(s3, "bucket").put("key", b"body", "text/plain")


def test_a_key_of_the_bucket_is_used(lab: Lab) -> None:
    from migration_ops.runbook.backup.store import protection_of

    lab.s3.create_bucket(Bucket="with-key")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ARN}}
    lab.s3.put_bucket_encryption(Bucket="with-key", ServerSideEncryptionConfiguration={"Rules": [rule]})
    store = BackupStore(lab.s3, "with-key", protection_of(lab.s3, "with-key"))
    store.put("key", b"body", "text/plain")
    head = lab.s3.head_object(Bucket="with-key", Key="key")
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY_ARN)


def test_a_table_under_recovery_is_known_by_what_it_is_recovered_from(dynamodb: tuple[Any, Stubber]) -> None:
    """DynamoDB may know no tags of a table that is being made; moto makes tables at once."""
    made, stubber = dynamodb
    began = datetime(2026, 1, 1, tzinfo=UTC)
    scratch = Scratch("run", "live", "arn:live", began)
    summary = {"SourceTableArn": "arn:live"}
    found = {"TableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/t", "TableName": scratch.from_point_in_time}
    later, before = began + timedelta(seconds=1), began - timedelta(minutes=6)
    for created, of, ours in (
        (later, summary, True),
        # The worker's clock is ahead of AWS's.
        (began - timedelta(minutes=4), summary, True),
        (before, summary, False),
        (later, {"SourceTableArn": "x"}, False),
    ):
        stubber.add_client_error("list_tags_of_resource", "ResourceNotFoundException")
        assert is_ours(made, {**found, "CreationDateTime": created, "RestoreSummary": of}, scratch) is ours
    # Of another name nothing is asked.
    assert not is_ours(made, {**found, "TableName": "live", "CreationDateTime": later}, scratch)


def test_a_run_id_fits_a_tag() -> None:
    assert tag_value("scheduled__2026-01-01T02:41:00+00:00") == "scheduled__2026-01-01T02:41:00+00:00"
    assert tag_value("ä§<>" + "x" * 300).endswith("x")
    assert len(tag_value("x" * 300)) == 256


BEFORE, UNTIL, AFTER = "2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "2026-01-03T00:00:00.000Z"


@pytest.mark.parametrize(
    ("live", "restored", "compared", "differing", "missing"),
    [
        ({"a": Sampled("1", BEFORE)}, {"a": Sampled("1", BEFORE)}, 1, (), ()),
        ({"a": Sampled("2", AFTER)}, {"a": Sampled("1", BEFORE)}, 0, (), ()),
        ({"a": Sampled("2", BEFORE)}, {"a": Sampled("1", BEFORE)}, 1, ("a",), ()),
        ({"a": Sampled("1", BEFORE)}, {}, 1, (), ("a",)),
        ({"a": Sampled("1", "")}, {}, 0, (), ()),
        ({}, {"a": Sampled("1", BEFORE)}, 0, (), ()),
    ],
)
def test_only_what_was_not_written_since_is_compared(
    live: Any, restored: Any, compared: int, differing: Any, missing: Any
) -> None:
    found = compare_samples(live, restored, UNTIL)
    assert (found.compared, found.differing, found.missing) == (compared, differing, missing)


def test_two_samples_are_of_the_same_items() -> None:
    """Twice as many items as a sample takes, seen in another order and in other parts; some are in one table only."""
    items = [{"migrationId": {"S": f"mig-{n}"}, "at": {"S": BEFORE}} for n in range(2 * SAMPLED)]
    one, other, part = Profile(), Profile(), Profile()
    one.take(items)
    more = [{"migrationId": {"S": f"extra-{n}"}, "at": {"S": AFTER}} for n in range(50)]
    other.take(list(reversed(items[300:])))
    part.take([*items[:300], *more])
    other.merge(part)
    found = compare_samples(one.sample, other.sample, UNTIL)
    assert found.compared > SAMPLED * 0.9
    assert (found.differing, found.missing) == ((), ())


def test_what_is_archived_is_not_compared() -> None:
    """The archive sets the time to live and no other time: whether that was before, the item does not say."""
    profile = Profile()
    profile.take([{"migrationId": {"S": "a"}, "at": {"S": BEFORE}, "expiresAt": {"N": "1"}}])
    assert profile.sample["a"].written_at == ""
    assert datetime.fromisoformat(BEFORE).tzinfo == UTC
