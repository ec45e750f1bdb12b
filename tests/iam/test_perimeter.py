"""The shipped policies reach what is ours: this account, each role its own keys, prefixes, logs and servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

IAM = Path(__file__).resolve().parents[2] / "include" / "iam"
NAMES = sorted(path.stem for path in IAM.glob("*.json"))
Statement = dict[str, Any]

OWN_ACCOUNT = {"aws:ResourceAccount": "${aws:PrincipalAccount}"}
# Of the account itself, not of something that another account may own under the same name.
OF_THE_ACCOUNT = {"s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets"}
# Services whose resources another account may name alike, or share by a policy of theirs.
SHARED = ("s3", "dynamodb", "events", "logs", "secretsmanager", "sns", "sqs", "kms")
# They are on no resource, so there is no other account in them (Service Authorization Reference).
WITHOUT_RESOURCE = {
    "dynamodb:ListTables",
    "events:ListEventBuses",
    "kms:CreateKey",
    "kms:ListAliases",
    "kms:ListKeys",
    # It is made in the caller's own account; before that the name has no account to compare with.
    "s3:CreateBucket",
    "logs:DescribeLogGroups",
    "logs:GetQueryResults",
    "secretsmanager:ListSecrets",
    "sns:ListSubscriptions",
    "sns:ListTopics",
    "sqs:ListQueues",
}
# What the code of each DAG writes: sheets, reports, large ledger details, anchors; the runbook's reports; the backups.
WRITES = {
    "wave": {"waves/*", "ledger/*", "anchors/*"},
    "rollback": {"waves/*", "ledger/*", "anchors/*"},
    "runbook": {"runbook/*"},
    "runbook_backup": {"backups/*", "anchors/*", "archive/*"},
}
SERVERS = {"arn:aws:ec2:*:*:instance/*", "arn:aws:ssm:*:*:managed-instance/*"}
DOCUMENTS = {"arn:aws:ssm:*::document/AWS-RunShellScript", "arn:aws:ssm:*::document/AWS-RunPowerShellScript"}


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def statements(name: str) -> list[Statement]:
    document = json.loads((IAM / f"{name}.json").read_text(encoding="utf-8"))
    found: list[Statement] = document["Statement"]
    return found


def every() -> Iterator[tuple[str, Statement]]:
    for name in NAMES:
        for statement in statements(name):
            yield name, statement


def with_action(*patterns: str) -> list[tuple[str, Statement]]:
    return [
        (name, one)
        for name, one in every()
        if any(fnmatchcase(action, pattern) for action in listed(one["Action"]) for pattern in patterns)
    ]


def of(statement: Statement, operator: str) -> dict[str, Any]:
    found: dict[str, Any] = statement.get("Condition", {}).get(operator, {})
    return found


@pytest.mark.parametrize("name", NAMES)
def test_what_another_account_may_own_under_that_name_is_ours(name: str) -> None:
    for statement in statements(name):
        reach = {one for one in listed(statement["Action"]) if one.split(":")[0] in SHARED}
        if reach - OF_THE_ACCOUNT - WITHOUT_RESOURCE:
            # CreateBucket with a lock asks for versions and lock of a bucket that is not there yet.
            operator = "StringEqualsIfExists" if statement["Sid"] == "NewBucket" else "StringEquals"
            assert OWN_ACCOUNT.items() <= of(statement, operator).items(), statement["Sid"]


def test_what_is_on_the_account_itself_stands_apart() -> None:
    """A condition on the resource's account beside actions without a resource would have to hold for both."""
    for _, statement in every():
        if "aws:ResourceAccount" in of(statement, "StringEquals"):
            assert not (OF_THE_ACCOUNT | WITHOUT_RESOURCE) & set(listed(statement["Action"])), statement["Sid"]


def test_each_role_writes_its_own_prefixes_only() -> None:
    found: dict[str, set[str]] = {}
    for name, statement in with_action("s3:PutObject*", "s3:DeleteObject*", "s3:AbortMultipartUpload"):
        for resource in listed(statement["Resource"]):
            bucket, _, prefix = resource.partition("/")
            assert bucket == "arn:aws:s3:::migration-evidence-*"
            found.setdefault(name, set()).add(prefix)
    assert found == WRITES


def test_each_role_reads_objects_below_a_named_prefix_only() -> None:
    for name, statement in with_action("s3:GetObject*"):
        for resource in listed(statement["Resource"]):
            prefix = resource.partition("/")[2]
            assert prefix.split("/")[0] in ("waves", "ledger", "runbook", "backups", "anchors", "archive"), (
                name,
                resource,
            )


def test_log_lines_are_read_of_our_groups_only() -> None:
    readers = with_action("logs:FilterLogEvents", "logs:StartQuery", "logs:GetLogEvents")
    assert {name for name, _ in readers} == {"runbook"}
    for _, statement in readers:
        for resource in listed(statement["Resource"]):
            group = resource.partition(":log-group:")[2]
            assert group.startswith(("/aws/lambda/migration-", "/migration/orchestration")), resource


def test_what_executions_carried_is_read_of_our_state_machines_only() -> None:
    for _, statement in with_action("states:DescribeExecution", "states:GetExecutionHistory"):
        for resource in listed(statement["Resource"]):
            assert resource.startswith("arn:aws:states:*:*:execution:migration-"), resource


def test_commands_go_to_tagged_servers_in_named_documents() -> None:
    found = with_action("ssm:SendCommand")
    assert {name for name, _ in found} == {"wave", "rollback"}
    for name in ("wave", "rollback"):
        by_resources = {frozenset(listed(one["Resource"])): one for whose, one in found if whose == name}
        assert set(by_resources) == {frozenset(SERVERS), frozenset(DOCUMENTS)}
        assert of(by_resources[frozenset(SERVERS)], "StringEquals")["ssm:resourceTag/migration-ops"] == "managed"
        # The documents are AWS's own and carry no tag of ours: with the condition no command could be sent.
        assert "Condition" not in by_resources[frozenset(DOCUMENTS)]


def test_of_the_live_ledger_only_locks_are_deleted() -> None:
    found = [
        (name, one)
        for name, one in with_action("dynamodb:DeleteItem", "dynamodb:BatchWriteItem")
        if any(resource.endswith(":table/migration-state") for resource in listed(one["Resource"]))
    ]
    assert {name for name, _ in found} == {"wave", "rollback"}
    for _, statement in found:
        assert listed(statement["Action"]) == ["dynamodb:DeleteItem"]
        assert of(statement, "ForAllValues:StringLike") == {"dynamodb:LeadingKeys": "server#*"}


def test_the_readme_says_why_there_is_no_region() -> None:
    assert not [name for name, one in every() if "aws:RequestedRegion" in json.dumps(one)]
    assert "aws:RequestedRegion" in (IAM / "README.md").read_text(encoding="utf-8")
