"""Whom a resource policy lets in."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from migration_ops.core.facts import Facts
from migration_ops.runbook.policies import (
    MalformedPolicy,
    foreign_accounts,
    public_statements,
    statements,
    unbound_services,
)

EVERYBODY = ["*", {"AWS": "*"}, {"AWS": "arn:aws:iam::*:root"}, {"AWS": ["arn:aws:iam::111122223333:root", "*"]}]
BUCKET = "arn:aws:s3:::in-bucket"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:q"


def policy(principal: Any = "*", condition: Any = None, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    one = {"Effect": effect, "Principal": principal, "Action": "sqs:SendMessage", "Resource": "*", **more}
    return {"Version": "2012-10-17", "Statement": [one | ({"Condition": condition} if condition else {})]}


@pytest.mark.parametrize("principal", EVERYBODY)
def test_a_wildcard_without_a_condition_is_public(principal: Any) -> None:
    assert len(public_statements(policy(principal))) == 1


def test_all_but_some_is_public() -> None:
    document = policy()
    document["Statement"][0]["NotPrincipal"] = {"AWS": "arn:aws:iam::111122223333:root"}
    del document["Statement"][0]["Principal"]
    assert public_statements(document)


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "arn:aws:iam::111122223333:root"},
        {"AWS": "111122223333"},
        {"Service": "events.amazonaws.com"},
        {"Federated": "cognito-identity.amazonaws.com"},
    ],
)
def test_somebody_in_particular_is_not_everybody(principal: Any) -> None:
    assert public_statements(policy(principal)) == []


def test_denying_everybody_is_not_public() -> None:
    assert public_statements(policy(effect="Deny")) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        {"StringEquals": {"AWS:sourceaccount": ["111122223333"]}},
        {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
        {"ArnEquals": {"aws:SourceArn": "arn:aws:sns:us-east-1:111122223333:topic"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:111122223333:*"}},
        {"ArnLike": {"aws:SourceArn": BUCKET}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-a1b2c3d4e5/r-ab12/*"}},
        {"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "2001:db8::/48"]}},
        {"StringEquals": {"aws:SourceVpce": "vpce-1a2b3c4d"}},
        {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceAccount": "111122223333"}},
    ],
)
def test_a_condition_that_is_fixed_to_somebody_restricts(condition: Any) -> None:
    assert public_statements(policy(condition=condition)) == []
    assert unbound_services(policy({"Service": "sns.amazonaws.com"}, condition)) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"Bool": {"aws:SecureTransport": "true"}},
        {"StringLike": {"aws:SourceAccount": "*"}},
        {"StringLike": {"aws:SourceAccount": ["111122223333", "4*"]}},
        {"StringNotEquals": {"aws:SourceAccount": "111122223333"}},
        {"StringEqualsIfExists": {"aws:SourceAccount": "111122223333"}},
        {"ForAllValues:StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:sns:us-east-1:*:topic"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::in-*"}},
        {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
        {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "o-*/r-ab12/*"}},
        {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}},
        {"IpAddress": {"aws:SourceIp": ["198.51.100.0/24", "::/0"]}},
        {"IpAddress": {"aws:SourceIp": "not an address"}},
        {"NotIpAddress": {"aws:SourceIp": "198.51.100.0/24"}},
        {"Null": {"aws:SourceAccount": "false"}},
        {"StringEquals": {"aws:SourceAccount": []}},
        {"StringEquals": {"aws:SourceAccount": "${aws:PrincipalAccount}"}},
    ],
)
def test_a_condition_that_anybody_can_meet_does_not(condition: Any) -> None:
    assert len(public_statements(policy(condition=condition))) == 1
    assert len(unbound_services(policy({"Service": "sns.amazonaws.com"}, condition))) == 1


def test_a_policy_is_read_in_every_form_that_aws_answers_it() -> None:
    document = policy()
    single = document | {"Statement": document["Statement"][0]}
    texts = [json.dumps(document), quote(json.dumps(document)), document, single, Facts({"p": document})["p"]]
    assert all(len(public_statements(one)) == 1 for one in texts)


def test_a_percent_sign_in_a_plain_policy_stays() -> None:
    document = json.dumps(policy(Sid="100%25"))
    assert statements(document)[0].sid == "100%25"


@pytest.mark.parametrize(
    "document",
    [
        "",
        "no json",
        "[]",
        None,
        3,
        {},
        {"Statement": []},
        {"Statement": ["x"]},
        {"Statement": [{"Effect": "allow"}]},
        policy(principal=["*"]),
        policy() | {"Statement": [{"Effect": "Allow", "Principal": "*", "Condition": "x"}]},
    ],
)
def test_what_cannot_be_understood_is_an_error_and_never_harmless(document: Any) -> None:
    with pytest.raises(MalformedPolicy):
        public_statements(document)


def test_foreign_accounts_are_named() -> None:
    principal = {"AWS": ["arn:aws:iam::444455556666:role/x", "111122223333", "AROAEXAMPLE", "*"]}
    assert foreign_accounts(policy(principal), {"111122223333"}) == {"444455556666"}
