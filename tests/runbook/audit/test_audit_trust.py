"""Who may take on a role."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.aws.policies.statements import MalformedPolicyError
from migration_ops.aws.policies.trust import deputies, for_strangers, open_doors
from migration_ops.core.facts import Snapshot

OWN, OTHER = "111122223333", "444455556666"
GITHUB = f"arn:aws:iam::{OWN}:oidc-provider/token.actions.githubusercontent.com"
SAML = f"arn:aws:iam::{OWN}:saml-provider/corp"


def trust(principal: Any, **condition: dict[str, Any]) -> Snapshot:
    one: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return Snapshot({"Version": "2012-10-17", "Statement": [one | ({"Condition": condition} if condition else {})]})


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("states.amazonaws.com", True),
        ("events.amazonaws.com", True),
        # They get a role by iam:PassRole alone, which is not possible across accounts.
        ("lambda.amazonaws.com", False),
        ("ecs-tasks.amazonaws.com", False),
        ("states.us-east-1.amazonaws.com", True),
        ("states.cn-north-1.amazonaws.com.cn", True),
        ("delivery.logs.amazonaws.com", True),
        # EC2 does not say for whom: a condition would lock it out.
        ("ec2.amazonaws.com", False),
    ],
)
def test_services_that_could_say_for_whom_must(service: str, expected: bool) -> None:
    assert deputies(trust({"Service": service})) == ([service] if expected else [])
    assert deputies(trust({"Service": service}, StringEquals={"aws:SourceAccount": OWN})) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:states:us-east-1:{OWN}:stateMachine:*"}}, []),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:states:*:*:stateMachine:*"}}, ["states.amazonaws.com"]),
        ({"StringLike": {"aws:SourceAccount": "*"}}, ["states.amazonaws.com"]),
        ({"StringEqualsIfExists": {"aws:SourceAccount": OWN}}, ["states.amazonaws.com"]),
        ({"Bool": {"aws:SecureTransport": "true"}}, ["states.amazonaws.com"]),
    ],
)
def test_the_condition_must_bind(condition: dict[str, Any], expected: list[str]) -> None:
    assert deputies(trust({"Service": "states.amazonaws.com"}, **condition)) == expected


@pytest.mark.parametrize(
    ("principal", "condition", "expected"),
    [
        ({"AWS": f"arn:aws:iam::{OWN}:root"}, {}, []),
        ({"Service": "ec2.amazonaws.com"}, {}, []),
        ("*", {}, ["everybody"]),
        ({"AWS": "*"}, {"StringEquals": {"sts:ExternalId": "x"}}, ["everybody"]),
        ({"AWS": "*"}, {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}, []),
        ({"AWS": OTHER}, {}, [f"AWS {OTHER}"]),
        ({"AWS": f"arn:aws:iam::{OTHER}:role/x"}, {}, [f"AWS arn:aws:iam::{OTHER}:role/x"]),
        ({"AWS": OTHER}, {"StringEquals": {"sts:ExternalId": "f3b1"}}, []),
        ({"AWS": OTHER}, {"StringLike": {"sts:ExternalId": "*"}}, [f"AWS {OTHER}"]),
        ({"AWS": OTHER}, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}, [f"AWS {OTHER}"]),
        ({"Federated": GITHUB}, {}, [f"Federated {GITHUB}"]),
        (
            {"Federated": GITHUB},
            {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}},
            [f"Federated {GITHUB}"],
        ),
        (
            {"Federated": GITHUB},
            {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:ours/migrations:*"}},
            [],
        ),
        (
            {"Federated": GITHUB},
            {"StringLike": {"token.actions.githubusercontent.com:sub": "*"}},
            [f"Federated {GITHUB}"],
        ),
        ({"Federated": SAML}, {}, [f"Federated {SAML}"]),
        ({"Federated": SAML}, {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}, []),
    ],
)
def test_who_comes_in_unasked(principal: Any, condition: dict[str, Any], expected: list[str]) -> None:
    assert open_doors(trust(principal, **condition), OWN) == expected


def test_a_deny_opens_nothing() -> None:
    denied = Snapshot({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}})
    assert open_doors(denied, OWN) == []


def test_a_trust_policy_that_nobody_understands_is_no_closed_one() -> None:
    with pytest.raises(MalformedPolicyError):
        open_doors(Snapshot({"Statement": []}), OWN)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, []),
        ({"StringEquals": {"aws:SourceAccount": OWN}}, []),
        ({"StringEquals": {"aws:SourceAccount": OTHER}}, [f"events.amazonaws.com for {OTHER}"]),
        ({"StringEquals": {"aws:SourceAccount": [OWN, OTHER]}}, [f"events.amazonaws.com for {OTHER}"]),
        ({"ArnLike": {"aws:SourceArn": f"arn:aws:events:*:{OTHER}:*"}}, [f"events.amazonaws.com for {OTHER}"]),
        # One condition that is ours is enough: all must hold.
        ({"StringEquals": {"aws:SourceAccount": OTHER, "aws:SourceOrgID": "o-a1b2c3d4e5"}}, []),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:s3:::ours"}}, []),
    ],
)
def test_a_service_for_a_strangers_account_is_named(condition: dict[str, Any], expected: list[str]) -> None:
    assert for_strangers(trust({"Service": "events.amazonaws.com"}, **condition), OWN) == expected


def test_who_is_left_by_a_condition_is_named() -> None:
    assert open_doors(trust("*", StringEquals={"aws:PrincipalAccount": [OWN, OTHER]}), OWN) == [f"AWS {OTHER}"]
