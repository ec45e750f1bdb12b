"""Access Analyzer's verdict beside our own: what is asked, what a refusal leaves, and which of the two wins."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.iam import ANALYZER, service_role
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.s3 import BLOCKED, make_bucket, put_policy
from include.sandbox.estates.clean.sqs import make_queue
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import Snapshot, is_failed
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check, read_with
from tests.runbook.estates import reader_of

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
PUBLIC_READ = {"Sid": "Anyone", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.fixture
def account(box: Sandbox) -> Iterator[Account]:
    box.reset()
    yield Account(make=box.boto, control=box.client)
    box.reset()


@pytest.fixture
def reader(box: Sandbox, account: Account) -> AwsReader:
    return reader_of(box, account)


def found(reader: AwsReader, check_id: str, resource: str) -> Finding:
    check = Check("audit", check_id)
    name = check.metadata.reads[0]
    estate = Snapshot(json.loads(json.dumps({name: read_with(name, reader)})))
    return next(one for one in check.run(estate, Thresholds()) if one.resource == resource)


def queue(account: Account, principal: Any) -> None:
    sqs = account.client("sqs")
    url = make_queue(sqs, "inbox")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sqs:SendMessage", "Resource": arn}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})


def says(account: Account, result: str, **more: Any) -> None:
    account.control.write_history(policyChecks=[{"result": result, **more}])


NOBODY: dict[str, Any] = {"AWS": "arn:aws:iam::123456789012:root"}
OF_QUEUES = "sqs_queue_not_public"


class TestWhichVerdictWins:
    def test_both_find_nobody(self, reader: AwsReader, account: Account) -> None:
        queue(account, NOBODY)
        says(account, "PASS")
        one = found(reader, OF_QUEUES, "inbox")
        assert (one.verdict, one.evidence) == (OK, ("Access Analyzer: PASS",))

    def test_access_analyzer_alone_finds_somebody(self, reader: AwsReader, account: Account) -> None:
        queue(account, NOBODY)
        says(account, "FAIL", operation="CheckNoPublicAccess", reasons=["statement 0 is public"])
        one = found(reader, OF_QUEUES, "inbox")
        assert one.verdict is CRITICAL
        assert "Access Analyzer: FAIL (statement 0 is public)" in one.reason
        assert "our reading finds nobody" in one.reason

    def test_we_alone_find_somebody(self, reader: AwsReader, account: Account) -> None:
        queue(account, "*")
        says(account, "PASS")
        one = found(reader, OF_QUEUES, "inbox")
        assert one.verdict is CRITICAL
        assert "everybody is allowed sqs:SendMessage" in one.reason
        assert "Access Analyzer: PASS" in one.reason

    @pytest.mark.parametrize(("principal", "wanted"), [(NOBODY, OK), ("*", CRITICAL)])
    def test_refused_ours_stands_and_says_so(
        self, reader: AwsReader, account: Account, box: Sandbox, principal: Any, wanted: FindingStatus
    ) -> None:
        queue(account, principal)
        box.client.add_fault("accessDenied", service="access-analyzer", operation="CheckNoPublicAccess")
        one = found(reader, OF_QUEUES, "inbox")
        assert one.verdict is wanted
        assert "could not be asked, this is our own reading" in one.evidence[-1]

    def test_a_policy_that_it_cannot_judge_is_ours_to_judge(self, reader: AwsReader, account: Account) -> None:
        queue(account, NOBODY)
        one = found(reader, OF_QUEUES, "inbox")
        assert one.verdict is OK
        assert "could not judge it, this is our own reading" in one.evidence[0]

    def test_trust_of_a_role(self, reader: AwsReader, account: Account) -> None:
        service_role(account, "worker", "lambda.amazonaws.com")
        says(account, "FAIL", resourceType="AWS::IAM::AssumeRolePolicyDocument")
        one = found(reader, "iam_role_trust_not_permissive", "worker")
        assert (one.verdict, "our reading finds nobody" in one.reason) == (CRITICAL, True)

    def test_escalation_of_a_role(self, reader: AwsReader, account: Account) -> None:
        service_role(account, "worker", "lambda.amazonaws.com")
        says(account, "FAIL", operation="CheckAccessNotGranted")
        one = found(reader, "iam_role_no_privilege_escalation", "worker")
        assert (one.verdict, "our reading finds no way" in one.reason) == (CRITICAL, True)


def test_each_policy_is_asked_about_once(reader: AwsReader, account: Account, box: Sandbox) -> None:
    for name in ("one", "two"):
        make_queue(account.client("sqs"), name)
    queue(account, NOBODY)
    box.calls.clear()
    read_with("audit_sqs", reader)
    asked = [one["count"] for one in box.calls.counts() if one["operation"] == "CheckNoPublicAccess"]
    assert asked == [1]


def test_after_a_refusal_nothing_more_is_asked(reader: AwsReader, account: Account, box: Sandbox) -> None:
    for name in ("one", "two", "three"):
        service_role(account, name, "lambda.amazonaws.com")
    box.client.add_fault("accessDenied", service="access-analyzer", operation="CheckAccessNotGranted")
    box.calls.clear()
    roles = read_with("iam", reader)["roles"]
    assert all(is_failed(one["grantCheck"]) for one in roles)


def test_where_it_may_not_be_asked_the_check_of_access_analyzer_is_unknown(
    reader: AwsReader, account: Account, box: Sandbox
) -> None:
    account.client("accessanalyzer").create_analyzer(analyzerName=ANALYZER, type="ACCOUNT")
    region = account.client("accessanalyzer").meta.region_name
    assert found(reader, "accessanalyzer_enabled_without_findings", region).verdict is OK
    box.client.add_fault("accessDenied", service="access-analyzer", operation="CheckNoPublicAccess")
    assert found(reader, "accessanalyzer_enabled_without_findings", region).verdict is UNKNOWN


OF_BUCKETS, BLOCK = "s3_bucket_not_public", "s3_bucket_public_access_block"


class TestBuckets:
    def bucket(self, account: Account, *, ownership: str = "ObjectWriter", **block: bool) -> Any:
        s3 = account.client("s3")
        make_bucket(account, "open")
        s3.delete_public_access_block(Bucket="open")
        if block:
            s3.put_public_access_block(Bucket="open", PublicAccessBlockConfiguration=block)
        rules = {"Rules": [{"ObjectOwnership": ownership}]}
        s3.put_bucket_ownership_controls(Bucket="open", OwnershipControls=rules)
        return s3

    def account_block(self, box: Sandbox, **block: bool) -> None:
        from moto.s3control.models import s3control_backends

        backend = s3control_backends[box.account_id]["aws"]
        backend.put_public_access_block(box.account_id, dict.fromkeys(BLOCKED, False) | block)

    @pytest.mark.parametrize("acl", ["public-read", "public-read-write", "authenticated-read"])
    def test_public_by_its_acl(self, reader: AwsReader, account: Account, acl: str) -> None:
        self.bucket(account).put_bucket_acl(Bucket="open", ACL=acl)
        one = found(reader, OF_BUCKETS, "open")
        assert (one.verdict, "(ACL)" in one.reason) == (CRITICAL, True)

    @pytest.mark.parametrize("acl", ["private", "log-delivery-write"])
    def test_other_acls_are_not(self, reader: AwsReader, account: Account, acl: str) -> None:
        self.bucket(account).put_bucket_acl(Bucket="open", ACL=acl)
        assert found(reader, OF_BUCKETS, "open").verdict is OK

    def test_an_acl_that_s3_does_not_look_at(self, reader: AwsReader, account: Account) -> None:
        s3 = self.bucket(account)
        s3.put_bucket_acl(Bucket="open", ACL="public-read")
        rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        s3.put_bucket_ownership_controls(Bucket="open", OwnershipControls=rules)
        assert found(reader, OF_BUCKETS, "open").verdict is OK

    @pytest.mark.parametrize("where", ["bucket", "account"])
    def test_a_block_holds_it_back_wherever_it_is(
        self, reader: AwsReader, account: Account, box: Sandbox, where: str
    ) -> None:
        s3 = self.bucket(account)
        s3.put_bucket_acl(Bucket="open", ACL="public-read")
        assert found(reader, OF_BUCKETS, "open").verdict is CRITICAL
        if where == "bucket":
            s3.put_public_access_block(Bucket="open", PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
        else:
            self.account_block(box, IgnorePublicAcls=True)
        one = found(reader, OF_BUCKETS, "open")
        assert (one.verdict, "only the public access block" in one.reason) == (WARNING, True)

    @pytest.mark.parametrize(("part", "wanted"), [("RestrictPublicBuckets", WARNING), ("BlockPublicPolicy", CRITICAL)])
    def test_a_public_policy_under_the_accounts_block(
        self, reader: AwsReader, account: Account, box: Sandbox, part: str, wanted: FindingStatus
    ) -> None:
        self.bucket(account)
        put_policy(account, "open", PUBLIC_READ | {"Resource": "arn:aws:s3:::open/*"})
        self.account_block(box, **{part: True})
        assert found(reader, OF_BUCKETS, "open").verdict is wanted

    def test_the_accounts_block_stands_for_the_buckets_own(
        self, reader: AwsReader, account: Account, box: Sandbox
    ) -> None:
        self.bucket(account)
        assert found(reader, BLOCK, "open").verdict is WARNING
        self.account_block(box, **dict.fromkeys(BLOCKED, True))
        one = found(reader, BLOCK, "open")
        assert (one.verdict, one.reason) == (OK, "by the account's block")

    @pytest.mark.parametrize("operation", ["GetBucketAcl", "GetBucketOwnershipControls", "GetAccountPublicAccessBlock"])
    def test_what_was_refused_is_no_closed_bucket(
        self, reader: AwsReader, account: Account, box: Sandbox, operation: str
    ) -> None:
        self.bucket(account).put_bucket_acl(Bucket="open", ACL="public-read")
        box.client.add_fault("accessDenied", service="s3", operation=operation)
        assert found(reader, OF_BUCKETS, "open").verdict is UNKNOWN


def test_a_policy_on_a_version_of_a_function_is_read(reader: AwsReader, account: Account) -> None:
    client = account.client("lambda")
    make_function(account, "versioned")
    version = client.publish_version(FunctionName="versioned")["Version"]
    client.add_permission(
        FunctionName="versioned", Qualifier=version, StatementId="a", Action="lambda:InvokeFunction", Principal="*"
    )
    one = found(reader, "lambda_function_not_public", "versioned")
    assert (one.verdict, f"version {version}" in one.reason) == (CRITICAL, True)
