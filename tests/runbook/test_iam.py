"""``include/iam/runbook.json`` allows every call that the chapters make, and no secret or object content."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.sandbox.estates.estate import plant_all, seed_clean
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import Reader
from tests.runbook.estates import account_of, chapters, look, reader_of

POLICY = Path(__file__).parents[2] / "include" / "iam" / "runbook.json"
CHAPTERS = chapters()
# The sandbox names calls by endpoint and operation; IAM names some of them otherwise (service authorization reference).
PREFIXES = {"monitoring": "cloudwatch"}
ACTIONS = {
    "access-analyzer:GET /analyzer": "access-analyzer:ListAnalyzers",
    "access-analyzer:POST /findingv2": "access-analyzer:ListFindingsV2",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
}


def allowed() -> set[str]:
    policy = json.loads(POLICY.read_text(encoding="utf-8"))
    return {action for statement in policy["Statement"] for action in statement["Action"]}


@pytest.fixture(scope="module")
def reader(box: Sandbox) -> Iterator[Reader]:
    box.reset()
    account = account_of(box)
    seed_clean(account)
    plant_all(account)
    yield reader_of(box, account)
    box.reset()


@pytest.mark.parametrize("name", CHAPTERS)
def test_each_call_is_allowed(reader: Reader, box: Sandbox, name: str) -> None:
    box.calls.clear()
    look(reader, CHAPTERS[name])
    calls = {f"{one['service']}:{one['operation']}" for one in box.calls.counts()}
    assert calls
    wanted = set()
    for call in calls:
        service, _, operation = call.partition(":")
        wanted.add(ACTIONS.get(call, f"{PREFIXES.get(service, service)}:{operation}"))
    assert wanted - allowed() == set()


def test_it_reads_no_secret_and_changes_nothing_but_its_reports() -> None:
    actions = {one.partition(":")[2] for one in allowed()}
    assert not {one for one in actions if one.startswith("GetSecretValue") or one == "GetParameter"}
    writes = {one for one in allowed() if not one.partition(":")[2].startswith(("Describe", "List", "Get"))}
    assert writes == {
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "iam:GenerateServiceLastAccessedDetails",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:FilterLogEvents",
        "logs:StartQuery",
        "s3:PutObject",
        "sns:Publish",
    }
