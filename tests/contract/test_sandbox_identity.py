"""IAM, Access Analyzer, KMS and Secrets Manager where the sandbox adds to moto: as the API references have them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.client import SandboxError
from include.sandbox.moto import iam_additions
from include.sandbox.sandbox import Sandbox

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture(scope="module")
def started() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        yield sandbox


@pytest.fixture
def box(started: Sandbox) -> Sandbox:
    started.reset()
    return started


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def policy(*actions: str) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})


class TestLastAccessed:
    def role(self, box: Sandbox, *actions: str) -> str:
        iam = box.boto("iam")
        arn: str = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.put_role_policy(RoleName="worker", PolicyName="own", PolicyDocument=policy(*actions))
        return arn

    def answer(self, box: Sandbox, arn: str, **more: Any) -> dict[str, Any]:
        iam = box.boto("iam")
        job = iam.generate_service_last_accessed_details(Arn=arn)["JobId"]
        found: dict[str, Any] = iam.get_service_last_accessed_details(JobId=job, **more)
        return found

    def test_a_job_takes_its_time(self, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        arn = self.role(box, "s3:GetObject")
        monkeypatch.setattr(iam_additions, "job_duration", timedelta(hours=1))
        answer = self.answer(box, arn)
        assert (answer["JobStatus"], answer["ServicesLastAccessed"]) == ("IN_PROGRESS", [])

    def test_it_tells_the_services_that_policies_reach_and_when_they_were_used(
        self, box: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iam_additions, "job_duration", timedelta())
        arn = self.role(box, "s3:GetObject", "s3:PutObject", "sqs:*")
        box.client.write_history(roles={"worker": {"usedDaysAgo": {"s3": 3}}})
        found = {one["ServiceNamespace"]: one for one in self.answer(box, arn)["ServicesLastAccessed"]}
        assert set(found) == {"s3", "sqs"}
        assert (datetime.now(UTC) - found["s3"]["LastAuthenticated"]).days == 3
        assert "LastAuthenticated" not in found["sqs"]

    def test_it_has_pages(self, box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(iam_additions, "job_duration", timedelta())
        arn = self.role(box, "*")
        first = self.answer(box, arn, MaxItems=5)
        rest = self.answer(box, arn, Marker=first["Marker"])
        names = [one["ServiceNamespace"] for page in (first, rest) for one in page["ServicesLastAccessed"]]
        assert (first["IsTruncated"], rest["IsTruncated"]) == (True, False)
        assert tuple(names) == iam_additions.ALL_SERVICES

    def test_of_what_does_not_exist_nothing_is_told(self, box: Sandbox) -> None:
        iam = box.boto("iam")
        with pytest.raises(ClientError) as refused:
            iam.generate_service_last_accessed_details(Arn="arn:aws:iam::123456789012:role/nobody")
        assert code_of(refused) == "NoSuchEntity"
        with pytest.raises(ClientError) as refused:
            iam.get_service_last_accessed_details(JobId="98a765b4-3cde-2101-2345-example678f9")
        assert code_of(refused) == "NoSuchEntity"


def test_policies_of_aws_are_there_once_they_are_attached(box: Sandbox) -> None:
    iam = box.boto("iam")
    iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    iam.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    details = iam.get_account_authorization_details(Filter=["Role", "AWSManagedPolicy"])
    assert [one["Arn"] for one in details["Policies"]] == ["arn:aws:iam::aws:policy/AdministratorAccess"]
    with pytest.raises(ClientError) as refused:
        iam.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")
    assert code_of(refused) == "NoSuchEntity"


class TestAccessAnalyzer:
    def test_there_is_one_of_a_kind(self, box: Sandbox) -> None:
        client = box.boto("accessanalyzer")
        arn = client.create_analyzer(analyzerName="account", type="ACCOUNT")["arn"]
        assert arn == "arn:aws:access-analyzer:us-east-1:123456789012:analyzer/account"
        for name, code in (("account", "ConflictException"), ("second", "ServiceQuotaExceededException")):
            with pytest.raises(ClientError) as refused:
                client.create_analyzer(analyzerName=name, type="ACCOUNT")
            assert code_of(refused) == code
        client.create_analyzer(analyzerName="unused", type="ACCOUNT_UNUSED_ACCESS")
        assert [one["name"] for one in client.list_analyzers(type="ACCOUNT")["analyzers"]] == ["account"]
        assert len(client.list_analyzers()["analyzers"]) == 2

    def test_findings_are_those_of_the_analyzer_by_status_and_page(self, box: Sandbox) -> None:
        client = box.boto("accessanalyzer")
        arn = client.create_analyzer(analyzerName="account", type="ACCOUNT")["arn"]
        finding = {"analyzer": "account", "resource": "arn:aws:s3:::open", "resourceType": "AWS::S3::Bucket"}
        box.client.write_history(accessAnalyzer=[finding] * 3)
        pages = client.get_paginator("list_findings_v2").paginate(
            analyzerArn=arn, filter={"status": {"eq": ["ACTIVE"]}}, PaginationConfig={"PageSize": 2}
        )
        assert [len(page["findings"]) for page in pages] == [2, 1]
        archived = client.list_findings_v2(analyzerArn=arn, filter={"status": {"neq": ["ACTIVE"]}})
        assert archived["findings"] == []
        with pytest.raises(ClientError) as refused:
            client.list_findings_v2(analyzerArn=f"{arn}2")
        assert code_of(refused) == "ResourceNotFoundException"

    def test_another_region_has_none_and_a_reset_forgets(self, box: Sandbox) -> None:
        box.boto("accessanalyzer").create_analyzer(analyzerName="account", type="ACCOUNT")
        box.reset()
        assert box.boto("accessanalyzer").list_analyzers()["analyzers"] == []

    def test_what_it_does_not_have_is_refused(self, box: Sandbox) -> None:
        with pytest.raises(ClientError) as refused:
            box.boto("accessanalyzer").get_analyzer(analyzerName="account")
        assert code_of(refused) == "NotImplementedException"


class TestSecrets:
    def accessed(self, box: Sandbox) -> Any:
        return box.boto("secretsmanager").list_secrets()["SecretList"][-1].get("LastAccessedDate")

    def test_reading_one_is_noted_by_the_day(self, box: Sandbox) -> None:
        client = box.boto("secretsmanager")
        client.create_secret(Name="one", SecretString="x")
        assert self.accessed(box) is None
        client.get_secret_value(SecretId="one")
        at = self.accessed(box).astimezone(UTC)
        assert (at.date(), at.hour, at.minute) == (datetime.now(UTC).date(), 0, 0)
        box.client.write_history(secrets={"one": {"accessedDaysAgo": None}})
        assert self.accessed(box) is None

    def test_listing_and_describing_is_no_reading(self, box: Sandbox) -> None:
        client = box.boto("secretsmanager")
        client.create_secret(Name="one", SecretString="x")
        client.describe_secret(SecretId="one")
        assert self.accessed(box) is None


def test_history_of_what_is_not_there_is_refused(box: Sandbox) -> None:
    for document in (
        {"queues": {}},
        {"roles": {"nobody": {}}},
        {"secrets": {"none": {}}},
        {"accessAnalyzer": [{"analyzer": "none", "resource": "x", "resourceType": "y"}]},
    ):
        with pytest.raises(SandboxError):
            box.client.write_history(**document)


def test_a_key_of_a_template_can_be_described_and_any_key_deleted_by_arn(box: Sandbox) -> None:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}
    key_policy = {"Version": "2012-10-17", "Statement": [statement]}
    key = {"Type": "AWS::KMS::Key", "Properties": {"EnableKeyRotation": True, "KeyPolicy": key_policy}}
    box.boto("cloudformation").create_stack(StackName="one", TemplateBody=json.dumps({"Resources": {"Key": key}}))
    kms = box.boto("kms")
    arn = kms.list_keys()["Keys"][0]["KeyArn"]
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "Enabled"
    assert json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"]) == key_policy
    kms.schedule_key_deletion(KeyId=arn)
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["KeyState"] == "PendingDeletion"
