"""The template holds together: references, names, and what the design asks of each resource."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from include.cloudformation.sandbox_deploy import TEMPLATE, load_template
from migration_ops.aws.stack import parameters_of
from migration_ops.core.settings import Settings

DOCUMENT = load_template(TEMPLATE.read_text(encoding="utf-8"))
RESOURCES: dict[str, Any] = DOCUMENT["Resources"]
IAM = sorted((Path(TEMPLATE).parents[1] / "iam").glob("*.json"))
# What Ref and GetAtt may name, by resource type (CloudFormation resource reference).
ATTRIBUTES = {
    "AWS::Events::Rule": {"Arn"},
    "AWS::KMS::Key": {"Arn"},
    "AWS::S3::Bucket": {"Arn"},
    "AWS::SQS::Queue": {"Arn", "QueueName"},
}


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def references(node: Any) -> Iterator[tuple[str, str | None]]:
    """Every (name, attribute) that a part of the template refers to."""
    if isinstance(node, list):
        for one in node:
            yield from references(one)
    elif isinstance(node, dict):
        for name, value in node.items():
            if name == "Ref":
                yield value, None
            elif name == "Fn::GetAtt":
                yield value[0], value[1]
            elif name == "Fn::Sub":
                for inner in re.findall(r"\$\{([^}!]+)\}", value):
                    target, _, attribute = inner.partition(".")
                    yield target, attribute or None
            else:
                yield from references(value)


def test_references_lead_somewhere() -> None:
    known = set(RESOURCES) | set(DOCUMENT["Parameters"])
    for name, attribute in references(DOCUMENT):
        if name.startswith("AWS::"):
            continue
        assert name in known, name
        if attribute:
            assert attribute in ATTRIBUTES[RESOURCES[name]["Type"]], (name, attribute)
    for resource in RESOURCES.values():
        assert resource.get("DependsOn", "LedgerTable") in RESOURCES
    assert {one["Fn::If"][0] for one in [properties("EvidenceBucket")["BucketName"]]} <= set(DOCUMENT["Conditions"])


def test_every_parameter_is_used_and_has_a_default() -> None:
    used = {name for name, _ in references(DOCUMENT)}
    assert used >= set(DOCUMENT["Parameters"])
    assert all("Default" in one for one in DOCUMENT["Parameters"].values())


def test_defaults_are_those_of_the_settings() -> None:
    given = parameters_of(Settings())
    assert {name: DOCUMENT["Parameters"][name]["Default"] for name in given} == given


def test_what_holds_data_is_kept_and_protected() -> None:
    for name in ("LedgerTable", "EvidenceBucket", "OperationsLogGroup"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    table = properties("LedgerTable")
    assert table["DeletionProtectionEnabled"] is True
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    bucket = properties("EvidenceBucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_indexes() -> None:
    indexes = {
        one["IndexName"]: [key["AttributeName"] for key in one["KeySchema"]]
        for one in properties("LedgerTable")["GlobalSecondaryIndexes"]
    }
    assert indexes == {
        "wave-status-index": ["wave", "status"],
        "app-status-index": ["appName", "status"],
        "status-timestamp-index": ["status", "updatedAt"],
    }
    defined = {one["AttributeName"] for one in properties("LedgerTable")["AttributeDefinitions"]}
    assert defined == {"migrationId", *(key for keys in indexes.values() for key in keys)}


def test_mgn_events_are_awaited_on_the_default_bus() -> None:
    """AWS services publish there only: a rule for them on another bus never fires."""
    for name, resource in RESOURCES.items():
        if resource["Type"] == "AWS::Events::Rule":
            from_aws = resource["Properties"]["EventPattern"].get("source") == ["aws.mgn"]
            assert ("EventBusName" in resource["Properties"]) is not from_aws, name


def test_every_policy_denies_or_names_its_publisher() -> None:
    for resource in RESOURCES.values():
        if not resource["Type"].endswith("Policy"):
            continue
        properties = resource["Properties"]
        listed = [properties["Statement"]] if "Statement" in properties else properties["PolicyDocument"]["Statement"]
        for statement in listed:
            assert statement["Effect"] == "Deny" or (statement["Condition"] and statement["Principal"] != "*")


def test_the_dashboard_is_json() -> None:
    body = re.sub(r"\$\{[^}]+\}", "x", properties("Dashboard")["DashboardBody"]["Fn::Sub"])
    assert len(json.loads(body)["widgets"]) == 5


def test_there_are_policies_for_every_dag() -> None:
    assert {path.stem for path in IAM} == {
        "wave",
        "wave_finalize",
        "rollback",
        "setup",
        "runbook",
        "runbook_alarms",
        "runbook_backup",
        "runbook_dr_drill",
        "migration_restore",
    }


# IAM's access level of these is Read, and they know no resources (Service Authorization Reference).
READS_BY_ANOTHER_NAME = {"access-analyzer:CheckAccessNotGranted", "access-analyzer:CheckNoPublicAccess"}


@pytest.mark.parametrize("path", IAM, ids=lambda path: path.stem)
def test_policies_grant_no_wildcards(path: Path) -> None:
    policy = json.loads(path.read_text(encoding="utf-8"))
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(sids) == len(set(sids))
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        for action in statement["Action"]:
            assert "*" not in action
            reads = action.split(":")[1].startswith(("Describe", "List", "Get")) or action in READS_BY_ANOTHER_NAME
            # It takes no resource in a policy (service authorization reference).
            if action == "ssm:CancelCommand":
                continue
            # A write on everything must at least be bound to who calls it, or to a namespace.
            assert reads or statement["Resource"] != "*" or statement.get("Condition"), action
    assert len(json.dumps(policy, separators=(",", ":"))) <= 6144  # a managed policy's size


def actions(name: str) -> set[str]:
    policy = json.loads((IAM[0].parent / f"{name}.json").read_text(encoding="utf-8"))
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_the_irreversible_call_is_in_one_policy_only() -> None:
    holders = {path.stem for path in IAM if "mgn:FinalizeCutover" in actions(path.stem)}
    assert holders == {"wave_finalize"}


def test_nobody_may_do_what_cannot_be_undone() -> None:
    for path in IAM:
        assert not actions(path.stem) & {
            "mgn:DisconnectFromService",
            "mgn:StopReplication",
            "mgn:DeleteSourceServer",
            "mgn:DeleteJob",
            "dynamodb:DeleteTable",
            "s3:DeleteBucket",
            "s3:DeleteObject",
            "logs:DeleteLogGroup",
        } - MAY_DELETE.get(path.stem, set())


# Old backups, and the tables that a drill has made: by name, and nothing else.
MAY_DELETE = {"runbook_backup": {"s3:DeleteObject"}, "runbook_dr_drill": {"dynamodb:DeleteTable"}}


@pytest.mark.parametrize("name", MAY_DELETE)
def test_what_is_deleted_is_named(name: str) -> None:
    policy = json.loads((IAM[0].parent / f"{name}.json").read_text(encoding="utf-8"))
    for statement in policy["Statement"]:
        if MAY_DELETE[name] & set(statement["Action"]):
            assert all(one.endswith(("/backups/*", "-drill-*")) for one in statement["Resource"])


def test_rollback_cannot_launch() -> None:
    assert not actions("rollback") & {"mgn:StartTest", "mgn:StartCutover", "ec2:RunInstances", "iam:PassRole"}
