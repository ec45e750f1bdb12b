"""Ways by which a role gives itself more than it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migration_ops.aws.policies.escalation import PASS_ROLE, WAYS, ways_open_to
from migration_ops.aws.policies.permissions import Permissions
from migration_ops.aws.policies.statements import statements

LAMBDA = "iam:PassRole + lambda:CreateFunction + lambda:InvokeFunction"
IAM = Path(__file__).resolve().parents[3] / "include" / "iam"
WORKER = "arn:aws:iam::111122223333:role/worker"


def ways(*raw: dict[str, Any]) -> set[str]:
    found = statements({"Statement": list(raw)})
    return {way.name for way in ways_open_to(Permissions(tuple(found)))}


def allow(*actions: str, resource: str = "*", **condition: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return made | ({"Condition": condition} if condition else {})


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_every_way_is_found_and_needs_each_of_its_actions(way: Any) -> None:
    assert way.name in ways(allow(*way.actions))
    for left_out in way.actions:
        rest = [one for one in way.actions if one != left_out]
        assert not rest or way.name not in ways(allow(*rest))


def test_the_list_is_complete_enough_and_has_no_way_twice() -> None:
    names = [way.name for way in WAYS]
    assert len(names) == len(set(names))
    assert {"iam:CreatePolicyVersion", "iam:AttachRolePolicy", "iam:PassRole + ec2:RunInstances", LAMBDA} <= set(names)
    assert all((PASS_ROLE in way.actions) == bool(way.passed_to) for way in WAYS)


def test_actions_may_come_from_several_statements() -> None:
    assert LAMBDA in ways(allow("iam:PassRole"), allow("lambda:*"))


def test_reading_everything_is_no_way() -> None:
    assert ways(allow("iam:Get*", "iam:List*", "lambda:List*", "ec2:Describe*", "s3:*")) == set()


def test_passing_one_named_role_hands_on_what_that_role_has() -> None:
    create = allow("lambda:CreateFunction", "lambda:InvokeFunction")
    assert LAMBDA not in ways(allow("iam:PassRole", resource=WORKER), create)
    assert LAMBDA in ways(allow("iam:PassRole", resource="arn:aws:iam::111122223333:role/*"), create)


@pytest.mark.parametrize(("service", "expected"), [("lambda.amazonaws.com", True), ("states.amazonaws.com", False)])
def test_passing_roles_to_another_service_only(service: str, expected: bool) -> None:
    found = ways(
        allow("iam:PassRole", StringEquals={"iam:PassedToService": service}),
        allow("lambda:CreateFunction", "lambda:InvokeFunction"),
    )
    assert (LAMBDA in found) is expected


def test_passing_roles_to_all_but_one_service_is_open() -> None:
    found = ways(
        allow("iam:PassRole", StringNotEquals={"iam:PassedToService": "states.amazonaws.com"}),
        allow("lambda:CreateFunction", "lambda:InvokeFunction"),
    )
    assert LAMBDA in found


def test_within_a_boundary_that_every_new_role_must_have_it_is_delegation() -> None:
    bounded = {"iam:PermissionsBoundary": "arn:aws:iam::111122223333:policy/boundary"}
    assert ways(allow("iam:AttachRolePolicy", StringEquals=bounded)) == set()
    assert ways(allow("iam:AttachRolePolicy", StringNotEquals=bounded)) == {"iam:AttachRolePolicy"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"aws:ResourceTag/migration-ops": "managed"}}, set()),
        ({"StringLike": {"ssm:resourceTag/wave": "wave-*"}}, set()),
        ({"StringLike": {"ssm:resourceTag/wave": "*"}}, {"ssm:SendCommand"}),
        ({"StringEqualsIfExists": {"aws:ResourceTag/wave": "3"}}, {"ssm:SendCommand"}),
        ({"ForAnyValue:StringEquals": {"aws:CalledVia": "mgn.amazonaws.com"}}, set()),
        ({"ForAllValues:StringEquals": {"aws:CalledVia": "mgn.amazonaws.com"}}, {"ssm:SendCommand"}),
    ],
)
def test_bound_to_tagged_resources_or_to_a_service_it_is_no_way(condition: dict[str, Any], expected: set[str]) -> None:
    assert ways(allow("ssm:SendCommand", **condition)) == expected


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.stem)
def test_none_of_our_own_policies_leads_further(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    assert ways(*document["Statement"]) == set()


def test_other_conditions_are_taken_as_met() -> None:
    assert ways(allow("iam:PutRolePolicy", Bool={"aws:MultiFactorAuthPresent": "true"})) == {"iam:PutRolePolicy"}
