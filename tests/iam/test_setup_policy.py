"""The role of ``migration_setup`` makes and changes what the template makes; it neither opens nor removes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from include.cloudformation.sandbox_deploy import TEMPLATE, load_template

POLICY = Path(__file__).resolve().parents[2] / "include" / "iam" / "setup.json"
STATEMENTS: list[dict[str, Any]] = json.loads(POLICY.read_text(encoding="utf-8"))["Statement"]
STACK = "arn:aws:cloudformation:*:*:stack/migration-ops/*"
# What resources of the template are made with, by CloudFormation type.
SERVICES = {
    "AWS::CloudWatch::": "cloudwatch",
    "AWS::DynamoDB::": "dynamodb",
    "AWS::Events::": "events",
    "AWS::KMS::": "kms",
    "AWS::Logs::": "logs",
    "AWS::S3::": "s3",
    "AWS::SNS::": "sns",
    "AWS::SQS::": "sqs",
}
# What goes and can be made again by the next run: nothing waits in it, nobody is subscribed to it.
HARMLESS_DELETES = {
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
    "cloudwatch:DeleteAlarms",
    "cloudwatch:DeleteDashboards",
    "events:DeleteRule",
}


def actions() -> set[str]:
    return {action for one in STATEMENTS for action in one["Action"]}


def of_cloudformation() -> list[dict[str, Any]]:
    return [one for one in STATEMENTS if any(action.startswith("cloudformation:") for action in one["Action"])]


def test_it_works_on_the_one_stack() -> None:
    """A pattern would take in whatever stack somebody calls migration-ops-..."""
    assert {one["Resource"] for one in of_cloudformation()} == {STACK}


def test_it_brings_no_service_role() -> None:
    found = [
        one
        for one in of_cloudformation()
        if {"cloudformation:CreateChangeSet", "cloudformation:DeleteStack"} & set(one["Action"])
    ]
    assert found
    for statement in found:
        assert statement["Condition"] == {"Null": {"cloudformation:RoleARN": "true"}}
    assert not actions() & {"cloudformation:CreateStack", "cloudformation:UpdateStack", "iam:PassRole"}


def test_the_types_that_it_can_make_are_those_of_the_template() -> None:
    """IAM's ``cloudformation:ResourceTypes`` looks at what a request lists; here nothing else can be made at all."""
    types = {one["Type"] for one in load_template(TEMPLATE.read_text(encoding="utf-8"))["Resources"].values()}
    wanted = {service for prefix, service in SERVICES.items() if any(one.startswith(prefix) for one in types)}
    assert len([one for one in types if one.startswith(tuple(SERVICES))]) == len(types)
    assert {one.split(":")[0] for one in actions()} == wanted | {"cloudformation"}


def test_whatever_is_not_cloudformation_goes_through_it() -> None:
    for statement in STATEMENTS:
        if statement not in of_cloudformation():
            via = statement["Condition"]["ForAnyValue:StringEquals"]
            assert via == {"aws:CalledVia": "cloudformation.amazonaws.com"}, statement["Sid"]


def test_a_stack_that_is_deleted_keeps_what_holds_something() -> None:
    """DeleteStack knows no "empty": what the role may not delete stays, and the deletion fails there."""
    deletes = {one for one in actions() if one.split(":")[1].startswith(("Delete", "ScheduleKeyDeletion", "Disable"))}
    assert deletes == HARMLESS_DELETES


def test_it_opens_nothing() -> None:
    assert not actions() & {
        "s3:DeleteBucketPolicy",
        "s3:PutBucketAcl",
        "s3:PutObject",
        "s3:BypassGovernanceRetention",
        "sns:AddPermission",
        "sqs:AddPermission",
        "lambda:AddPermission",
    }
