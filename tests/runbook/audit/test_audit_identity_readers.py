"""Readers of roles, analyzers, keys and secrets against the sandbox: what they ask, and what they make of refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.parsers import ResponseParserError

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import policy_of, service_role
from include.sandbox.estates.clean.kms import rotating_key
from include.sandbox.estates.clean.secretsmanager import rotated_secret
from include.sandbox.moto import iam_additions
from include.sandbox.sandbox import ACCESS_KEY_ID, SECRET_ACCESS_KEY, Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import Names, Resources, RunbookConfig
from migration_ops.core.facts import Snapshot, is_failed
from migration_ops.core.finding import FindingStatus, worst
from migration_ops.core.settings import read_settings
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT, CHAPTERS
from migration_ops.runbook.checks.check import Check, read_with

SECRET_VALUE = "made up for the sandbox"
LOGS = "arn:aws:iam::aws:policy/CloudWatchLogsReadOnlyAccess"


@pytest.fixture
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield Account(make=box.boto, control=box.client)
    box.reset()


def reader_of(box: Sandbox, **names: Names) -> AwsReader:
    def in_region(service: str, region: str) -> Any:
        make: Any = boto3.client
        keys = {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": SECRET_ACCESS_KEY}
        return make(service, endpoint_url=box.endpoints["moto"], region_name=region, **keys)

    ours = {"keys": Names(exclude=("alias/aws/*",)), **names}
    return AwsReader(
        make_client=box.boto,
        config=RunbookConfig(resources=Resources(**ours)),
        settings=read_settings({}),
        now=datetime.now(UTC),
        window=timedelta(hours=1),
        in_region=in_region,
    )


def asked(box: Sandbox) -> list[tuple[str, str]]:
    return [(one["service"], one["operation"]) for one in box.calls.counts()]


@pytest.mark.parametrize(
    ("name", "kind", "listed"),
    [("iam", "roles", "roles"), ("kms", "keys", "keys"), ("secretsmanager", "secrets", "secrets")],
)
def test_of_what_an_installation_does_not_have_nothing_is_asked(
    box: Sandbox, account: Account, name: str, kind: str, listed: str
) -> None:
    box.calls.clear()
    assert read_with(name, reader_of(box, **{kind: Names(include=())}))[listed] == []
    assert asked(box) == []


class TestRoles:
    def roles(self, box: Sandbox, **names: Names) -> dict[str, Any]:
        return {one["name"]: one for one in read_with("iam", reader_of(box, **names))["roles"]}

    def test_a_role_with_all_that_concerns_it(self, box: Sandbox, account: Account) -> None:
        arn = service_role(account, "worker", "lambda.amazonaws.com")
        iam = account.client("iam")
        first, second = (
            {"Effect": "Allow", "Action": f"s3:{action}", "Resource": "arn:aws:s3:::bucket/*"}
            for action in ("GetObject", "PutObject")
        )
        own = iam.create_policy(PolicyName="shared", PolicyDocument=json.dumps(policy_of(first)))["Policy"]["Arn"]
        iam.create_policy_version(PolicyArn=own, PolicyDocument=json.dumps(policy_of(second)))
        iam.set_default_policy_version(PolicyArn=own, VersionId="v2")
        for one in (own, LOGS):
            iam.attach_role_policy(RoleName="worker", PolicyArn=one)
        iam.put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=own)
        role = self.roles(box)["worker"]
        assert (role["arn"], role["accountId"]) == (arn, "123456789012")
        assert role["trust"]["Statement"][0]["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert [one["name"] for one in role["inline"]] == ["own"]
        attached = {one["name"]: one for one in role["attached"]}
        assert {name: one["byAws"] for name, one in attached.items()} == {
            "shared": False,
            "CloudWatchLogsReadOnlyAccess": True,
        }
        # The version in force, not the first.
        assert attached["shared"]["document"]["Statement"] == [second]
        assert role["boundary"]["document"] == attached["shared"]["document"]
        assert {one["namespace"] for one in role["lastAccessed"]["services"]} >= {"logs"}

    def test_roles_of_others_are_left_out(self, box: Sandbox, account: Account) -> None:
        for name in ("ours", "theirs"):
            service_role(account, name, "lambda.amazonaws.com")
        box.calls.clear()
        assert set(self.roles(box, roles=Names(include=("our*",)))) == {"ours"}
        jobs = [one["count"] for one in box.calls.counts() if one["operation"].startswith("GenerateService")]
        assert jobs == [1]

    def test_the_job_is_waited_for(self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
        service_role(account, "worker", "lambda.amazonaws.com")
        monkeypatch.setattr(iam_additions, "job_duration", timedelta(seconds=0.5))
        used = self.roles(box)["worker"]["lastAccessed"]
        assert [one["namespace"] for one in used["services"]] == ["logs"]

    def test_all_pages_of_last_uses_are_read(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service_role(account, "worker", "lambda.amazonaws.com", {"Effect": "Allow", "Action": "*", "Resource": "*"})
        monkeypatch.setattr(iam_additions, "PAGE", 5)
        services = self.roles(box)["worker"]["lastAccessed"]["services"]
        assert [one["namespace"] for one in services] == list(iam_additions.ALL_SERVICES)

    def test_an_attached_policy_without_document_is_not_read(
        self, box: Sandbox, account: Account, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service_role(account, "worker", "lambda.amazonaws.com")
        account.client("iam").attach_role_policy(RoleName="worker", PolicyArn=LOGS)
        listing = iam_additions.IAMBackend.get_account_authorization_details

        def without_policies(self: Any, wanted: list[str]) -> dict[str, Any]:
            found: dict[str, Any] = listing(self, wanted)
            return found | {"managed_policies": []}

        monkeypatch.setattr(iam_additions.IAMBackend, "get_account_authorization_details", without_policies)
        assert is_failed(self.roles(box)["worker"]["attached"][0]["document"])

    def test_a_refused_job_leaves_the_rest(self, box: Sandbox, account: Account) -> None:
        service_role(account, "worker", "lambda.amazonaws.com")
        for operation in ("GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"):
            fault = box.faults.add_document({"kind": "accessDenied", "service": "iam", "operation": operation})
            role = self.roles(box)["worker"]
            box.faults.remove(fault.fault_id)
            assert is_failed(role["lastAccessed"])
            assert role["inline"]


class TestAnalyzers:
    def test_only_those_of_external_access(self, box: Sandbox, account: Account) -> None:
        client = account.client("accessanalyzer")
        client.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS")
        client.create_analyzer(analyzerName="outside", type="ACCOUNT")
        finding = {"analyzer": "outside", "resource": "arn:aws:s3:::open", "resourceType": "AWS::S3::Bucket"}
        box.client.write_history(accessAnalyzer=[finding])
        (region,) = read_with("accessanalyzer", reader_of(box))["regions"]
        assert region["name"] == "us-east-1"
        (analyzer,) = region["analyzers"]
        assert (analyzer["name"], analyzer["status"]) == ("outside", "ACTIVE")
        assert [(one["resource"], one["type"]) for one in analyzer["findings"]] == [
            ("arn:aws:s3:::open", "AWS::S3::Bucket")
        ]

    def test_none_is_not_the_same_as_refused(self, box: Sandbox, account: Account) -> None:
        assert read_with("accessanalyzer", reader_of(box))["regions"][0]["analyzers"] == []
        box.client.add_fault("accessDenied", service="access-analyzer")
        assert is_failed(read_with("accessanalyzer", reader_of(box))["regions"][0]["analyzers"])


class TestKeys:
    def keys(self, box: Sandbox, **names: Names) -> dict[str, Any]:
        return {one["name"]: one for one in read_with("kms", reader_of(box, **names))["keys"]}

    def rotation_questions(self, box: Sandbox) -> int:
        return sum(one["count"] for one in box.calls.counts() if one["operation"] == "GetKeyRotationStatus")

    def test_keys_are_named_by_alias_or_else_by_id(self, box: Sandbox, account: Account) -> None:
        rotating_key(account, "alias/data")
        bare = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
        keys = self.keys(box)
        assert set(keys) == {"alias/data", bare}
        assert keys["alias/data"]["rotation"] == {"applies": True, "enabled": True}
        assert keys[bare]["rotation"] == {"applies": True, "enabled": False}
        assert "kms:*" in keys[bare]["policy"]
        assert set(self.keys(box, keys=Names(include=("alias/d*",)))) == {"alias/data"}

    @pytest.mark.parametrize(
        "made",
        [
            {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"},
            {"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"},
            {"Origin": "EXTERNAL"},
        ],
        ids=["asymmetric", "HMAC", "imported"],
    )
    def test_keys_that_cannot_rotate_are_not_asked(self, box: Sandbox, account: Account, made: dict[str, str]) -> None:
        account.client("kms").create_key(**made)
        box.calls.clear()
        (key,) = self.keys(box).values()
        assert key["rotation"]["applies"] is False
        assert self.rotation_questions(box) == 0

    def test_keys_that_wait_for_their_deletion_are_not_asked(self, box: Sandbox, account: Account) -> None:
        account.client("kms").schedule_key_deletion(KeyId=rotating_key(account, "alias/going"))
        key = self.keys(box)["alias/going"]
        assert (key["state"], key["rotation"]["applies"]) == ("PendingDeletion", False)
        assert key["deletionAt"]

    def test_a_replica_rotates_where_its_primary_is(self, box: Sandbox, account: Account) -> None:
        elsewhere = reader_of(box).in_region
        assert elsewhere
        primary = elsewhere("kms", "eu-west-1")
        key_id = primary.create_key(MultiRegion=True)["KeyMetadata"]["KeyId"]
        primary.replicate_key(KeyId=key_id, ReplicaRegion="us-east-1")
        assert self.keys(box)[key_id]["rotation"] == {"applies": True, "enabled": False}
        primary.enable_key_rotation(KeyId=key_id)
        assert self.keys(box)[key_id]["rotation"] == {"applies": True, "enabled": True}

        only_here = reader_of(box)
        only_here.in_region = None
        (key,) = read_with("kms", only_here)["keys"]
        assert is_failed(key["rotation"])

    @pytest.mark.parametrize("operation", ["ListKeys", "ListAliases"])
    def test_without_names_nobody_knows_which_are_ours(self, box: Sandbox, account: Account, operation: str) -> None:
        rotating_key(account, "alias/data")
        box.client.add_fault("accessDenied", service="kms", operation=operation)
        assert is_failed(read_with("kms", reader_of(box))["keys"])

    def test_a_key_that_cannot_be_described_stays_in_the_list(self, box: Sandbox, account: Account) -> None:
        rotating_key(account, "alias/data")
        box.client.add_fault("accessDenied", service="kms", operation="DescribeKey")
        key = self.keys(box)["alias/data"]
        assert all(is_failed(key[member]) for member in ("state", "rotation", "policy"))


class TestSecrets:
    def test_everything_but_the_value(self, box: Sandbox, account: Account) -> None:
        rotated_secret(account, "cmf")
        account.client("secretsmanager").create_secret(Name="bare", SecretString=SECRET_VALUE)
        box.calls.clear()
        document = read_with("secretsmanager", reader_of(box))
        assert ("secretsmanager", "GetSecretValue") not in asked(box)
        assert SECRET_VALUE not in json.dumps(document)
        found = {one["name"]: one for one in document["secrets"]}
        assert (found["cmf"]["rotates"], found["cmf"]["everyDays"]) == (True, 30)
        assert found["cmf"]["rotatedAt"]
        assert found["cmf"]["accessedAt"]
        assert "ThisAccountOnly" in found["cmf"]["policy"]["document"]
        assert (found["bare"]["rotates"], found["bare"]["rotatedAt"], found["bare"]["accessedAt"]) == (
            False,
            None,
            None,
        )
        assert found["bare"]["policy"] == {"secret": "bare", "document": None}

    def test_a_secret_that_a_service_made_names_its_owner(self, box: Sandbox, account: Account) -> None:
        account.client("events").create_connection(
            Name="api",
            AuthorizationType="API_KEY",
            AuthParameters={"ApiKeyAuthParameters": {"ApiKeyName": "x", "ApiKeyValue": "made up"}},
        )
        (secret,) = read_with("secretsmanager", reader_of(box))["secrets"]
        assert (secret["name"].split("!")[0], secret["owner"]) == ("events", "events")
        checks = [one for one in CHAPTERS[AUDIT].checks if one.metadata.about == "secretsmanager.secrets"]
        estate = Snapshot({"secretsmanager": {"readAt": secret["createdAt"], "secrets": [secret]}})
        assert {found.verdict for one in checks for found in one.run(estate, Thresholds())} == {FindingStatus.OK}

    def test_the_rotation_function_is_looked_for(self, box: Sandbox, account: Account) -> None:
        arn = rotated_secret(account, "cmf")
        gone = f"arn:aws:lambda:us-east-1:{arn.split(':')[4]}:function:rotate"
        for owner, expected in (
            (gone, {"arn": gone, "exists": False, "state": None}),
            ("arn:aws:lambda:r:9:f:x", None),
        ):
            account.control.write_history(secrets={"cmf": {"rotationFunction": owner}})
            (secret,) = read_with("secretsmanager", reader_of(box))["secrets"]
            assert secret["rotationFunction"] == expected
        box.client.add_fault("accessDenied", service="lambda", operation="GetFunctionConfiguration")
        account.control.write_history(secrets={"cmf": {"rotationFunction": gone}})
        (secret,) = read_with("secretsmanager", reader_of(box))["secrets"]
        assert is_failed(secret["rotationFunction"])

    @pytest.mark.parametrize("kind", ["accessDenied", "notJson"])
    def test_a_refused_policy_is_no_missing_one(self, box: Sandbox, account: Account, kind: str) -> None:
        rotated_secret(account, "cmf")
        box.client.add_fault(kind, service="secretsmanager", operation="GetResourcePolicy")
        (secret,) = read_with("secretsmanager", reader_of(box))["secrets"]
        assert is_failed(secret["policy"])


IDENTITY = ("iam", "accessanalyzer", "kms", "secretsmanager")


def test_of_a_proxys_page_instead_of_an_answer_nothing_is_well(box: Sandbox, account: Account) -> None:
    """It comes with status 200 and parses without an error; what it lacks is not zero."""
    service_role(account, "worker", "lambda.amazonaws.com")
    rotating_key(account, "alias/data")
    rotated_secret(account, "cmf")
    account.client("accessanalyzer").create_analyzer(analyzerName="outside", type="ACCOUNT")
    checks = [one for one in CHAPTERS[AUDIT].checks if one.metadata.reads[0] in IDENTITY]
    box.calls.clear()
    good = verdicts(box, checks)
    assert set(good.values()) == {FindingStatus.OK}
    for service, operation in asked(box):
        fault = box.faults.add_document({"kind": "notJson", "service": service, "operation": operation})
        found = verdicts(box, checks)
        box.faults.remove(fault.fault_id)
        assert set(found.values()) == {FindingStatus.OK, FindingStatus.UNKNOWN}, (service, operation)


def verdicts(box: Sandbox, checks: list[Check]) -> dict[str, FindingStatus]:
    """The worst verdict by check."""
    reader = reader_of(box)
    estate = Snapshot(json.loads(json.dumps({name: read_with(name, reader) for name in IDENTITY})))
    return {one.check_id: worst(one.run(estate, Thresholds())) for one in checks}


def test_an_answer_that_cannot_be_parsed_is_a_failure_too(box: Sandbox, account: Account) -> None:
    def unreadable() -> None:
        raise ResponseParserError("invalid XML received")

    assert is_failed(reader_of(box).guarded("iam:some_call", unreadable))
