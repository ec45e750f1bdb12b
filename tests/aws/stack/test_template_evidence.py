"""What the template does so that evidence outlives its audit period, and the bus believes its publishers only."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.cloudformation.sandbox_deploy import TEMPLATE, deploy, load_template
from include.sandbox.moto import dynamodb_encryption, s3_policies

DOCUMENT = load_template(TEMPLATE.read_text(encoding="utf-8"))
RESOURCES: dict[str, Any] = DOCUMENT["Resources"]
PARAMETERS: dict[str, Any] = DOCUMENT["Parameters"]
# CloudFormation makes another resource when one of these changes (template reference, "Update requires: Replacement").
REPLACING = {
    "LedgerTable": {"TableName", "KeySchema", "ImportSourceSpecification"},
    "EvidenceBucket": {"BucketName", "ObjectLockEnabled", "BucketNamePrefix", "BucketNamespace"},
    "OperationsLogGroup": {"LogGroupName"},
}
REPLACING_BEFORE = {
    "LedgerTable": {"TableName", "KeySchema"},
    "EvidenceBucket": {"BucketName", "ObjectLockEnabled"},
    "OperationsLogGroup": {"LogGroupName"},
}


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def statements(name: str) -> dict[str, dict[str, Any]]:
    return {one["Sid"]: one for one in properties(name)["PolicyDocument"]["Statement"]}


@pytest.mark.parametrize("name", REPLACING)
def test_nothing_that_holds_data_is_replaced_by_an_update(name: str) -> None:
    assert set(properties(name)) & REPLACING[name] == REPLACING_BEFORE[name]


def test_a_bucket_that_exists_does_not_get_the_property_that_would_replace_it() -> None:
    """An update of a stack that does not know the parameter takes its default."""
    condition, made, otherwise = properties("EvidenceBucket")["ObjectLockEnabled"]["Fn::If"]
    assert DOCUMENT["Conditions"][condition] == {"Fn::Equals": [{"Ref": "EvidenceBucketMadeLocked"}, "true"]}
    assert (made, otherwise) == (True, {"Ref": "AWS::NoValue"})
    assert PARAMETERS["EvidenceBucketMadeLocked"]["Default"] == "false"


def test_versions_of_evidence_are_kept_for_the_audit_period() -> None:
    assert PARAMETERS["EvidenceRetentionDays"]["Default"] >= PARAMETERS["LogRetentionDays"]["Default"] >= 365
    [rule] = properties("EvidenceBucket")["LifecycleConfiguration"]["Rules"]
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": {"Ref": "EvidenceRetentionDays"}}
    assert "ExpirationInDays" not in rule


def test_no_principal_removes_a_version_or_gets_past_a_lock() -> None:
    stay = statements("EvidenceBucketPolicy")["VersionsStay"]
    assert (stay["Effect"], stay["Principal"]) == ("Deny", "*")
    assert set(stay["Action"]) == {"s3:BypassGovernanceRetention", "s3:DeleteObjectVersion"}
    assert "Condition" not in stay


def test_the_lock_is_as_long_as_the_versions_are_kept() -> None:
    condition, lock, otherwise = properties("EvidenceBucket")["ObjectLockConfiguration"]["Fn::If"]
    assert DOCUMENT["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "EvidenceLockMode"}, "OFF"]}]}
    retention = lock["Rule"]["DefaultRetention"]
    assert retention == {"Mode": {"Ref": "EvidenceLockMode"}, "Days": {"Ref": "EvidenceRetentionDays"}}
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert PARAMETERS["EvidenceLockMode"]["AllowedValues"] == ["OFF", "GOVERNANCE", "COMPLIANCE"]


def test_table_bucket_and_log_have_a_key_of_their_own_by_default() -> None:
    assert PARAMETERS["OwnDataKey"]["Default"] == "true"
    arn = {"Fn::GetAtt": ["DataKey", "Arn"]}
    table = properties("LedgerTable")["SSESpecification"]["Fn::If"]
    assert table == [
        "HasOwnDataKey",
        {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn},
        {"SSEEnabled": True},
    ]
    [bucket] = properties("EvidenceBucket")["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    own = bucket["Fn::If"][1]["ServerSideEncryptionByDefault"]
    assert own == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
    assert properties("OperationsLogGroup")["KmsKeyId"]["Fn::If"][1] == arn
    # Without the key nothing can be read any more.
    assert RESOURCES["DataKey"]["DeletionPolicy"] == RESOURCES["DataKey"]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", ["EvidenceBucketPolicy", "RequestQueuePolicy", "TopicPolicy"])
def test_nothing_is_sent_without_tls(name: str) -> None:
    deny = statements(name)["TlsOnly"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_queue_takes_messages_of_its_own_rule_only() -> None:
    condition = statements("RequestQueuePolicy")["Rules"]["Condition"]
    assert condition["ArnEquals"] == {"aws:SourceArn": {"Fn::GetAtt": ["MigrationRequestedRule", "Arn"]}}


def test_every_rule_asks_who_says_it() -> None:
    for name, one in RESOURCES.items():
        if one["Type"] == "AWS::Events::Rule":
            assert one["Properties"]["EventPattern"]["source"], name


def test_only_publishers_speak_as_migration_ops() -> None:
    deny = properties("MigrationBusPolicy")["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "events:PutEvents")
    assert deny["Condition"]["StringEquals"] == {"events:source": "migration-ops"}
    whom = deny["Condition"]["ArnNotLike"]["aws:PrincipalArn"]["Fn::If"]
    assert whom[:2] == ["NamesPublishers", {"Ref": "EventPublisherArns"}]


def test_the_sandbox_has_it_too(client_for: Callable[[str], Any]) -> None:
    for one in (s3_policies, dynamodb_encryption):
        one.install()
    deploy(client_for("cloudformation"), client_for=client_for)
    s3 = client_for("s3")
    region = s3.meta.region_name
    bucket = f"migration-evidence-123456789012-{region}"
    aliases = {one["AliasName"]: one.get("TargetKeyId") for one in client_for("kms").list_aliases()["Aliases"]}
    key = f"arn:aws:kms:{region}:123456789012:key/{aliases['alias/migration-ops-data']}"
    table = client_for("dynamodb").describe_table(TableName="migration-state")["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    first = s3.put_object(Bucket=bucket, Key="waves/w/sheet.json", Body=b"first")
    assert (first["ServerSideEncryption"], first["SSEKMSKeyId"]) == ("aws:kms", key)
    s3.put_object(Bucket=bucket, Key="waves/w/sheet.json", Body=b"second")
    s3.delete_object(Bucket=bucket, Key="waves/w/sheet.json")
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="waves/w/sheet.json", VersionId=first["VersionId"])
    kept = s3.get_object(Bucket=bucket, Key="waves/w/sheet.json", VersionId=first["VersionId"])
    assert kept["Body"].read() == b"first"


@pytest.mark.parametrize(("source", "arrived"), [("migration-requests", 1), ("somebody", 0)])
def test_requests_of_their_source_only_reach_the_queue(
    client_for: Callable[[str], Any], source: str, arrived: int
) -> None:
    deploy(client_for("cloudformation"), client_for=client_for)
    entry = {"Source": source, "DetailType": "MigrationRequested", "Detail": json.dumps({"wave": "w"})}
    client_for("events").put_events(Entries=[entry | {"EventBusName": "custom-migration-bus"}])
    sqs = client_for("sqs")
    url = sqs.get_queue_url(QueueName="migration-requests")["QueueUrl"]
    assert len(sqs.receive_message(QueueUrl=url).get("Messages", [])) == arrived
