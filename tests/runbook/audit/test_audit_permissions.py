"""What a role's policies let it do."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.aws.policies.patterns import covers
from migration_ops.aws.policies.permissions import Permissions
from migration_ops.aws.policies.role_policies import inline_policies
from migration_ops.aws.policies.statement_reach import administrators, is_change, is_wide, unbounded_changes
from migration_ops.aws.policies.statements import Statement, statements
from migration_ops.core.facts import NotReadError, Snapshot, failed

ROLE = "arn:aws:iam::111122223333:role/worker"


def read(*raw: dict[str, Any]) -> tuple[Statement, ...]:
    return tuple(statements({"Version": "2012-10-17", "Statement": list(raw)}))


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("iam:PassRole", "iam:passrole", True),
        ("iam:*", "iam:PassRole", True),
        ("*", "iam:PassRole", True),
        ("iam:Pass?ole", "iam:PassRole", True),
        ("iam:Put*Policy", "iam:PutRolePolicy", True),
        ("iam:Pass", "iam:PassRole", False),
        ("iam:Get*", "iam:PassRole", False),
        # A dot and a bracket are themselves, not patterns.
        ("a.c:x", "abc:x", False),
        ("[abc]*", "a:x", False),
        # A pattern lies within a wider one, and not the other way round.
        ("kms:*", "kms:*", True),
        ("kms:Decrypt", "kms:*", False),
    ],
)
def test_actions_with_wildcards(pattern: str, action: str, expected: bool) -> None:
    assert covers(pattern, action) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", True),
        ("arn:aws:iam::111122223333:role/*", True),
        ("arn:aws:iam::*:role/*", True),
        ("arn:aws:kms:us-east-1:111122223333:key/*", True),
        ("arn:aws:lambda:us-east-1:111122223333:function:*", True),
        ("arn:aws:iam::111122223333:*", True),
        (ROLE, False),
        ("arn:aws:iam::111122223333:role/migration-*", False),
        ("arn:aws:s3:::bucket/*", False),
        ("arn:aws:logs:us-east-1:111122223333:log-group:/migration/worker:*", False),
    ],
)
def test_wide_resources(resource: str, expected: bool) -> None:
    assert is_wide(resource) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (allow("*"), True),
        (allow(["s3:GetObject", "*:*"]), True),
        (allow("*", ["arn:aws:s3:::b/*", "*"]), True),
        # A condition makes it no smaller.
        (allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}), True),
        ({"Effect": "Allow", "NotAction": "aws-portal:*", "Resource": "*"}, True),
        ({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::b"}, True),
        ({"Effect": "Allow", "NotAction": ["iam:*", "sts:*"], "Resource": "*"}, False),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, False),
        (allow("*", "arn:aws:s3:::b/*"), False),
        (allow("iam:*"), False),
    ],
)
def test_administrative_statements(raw: dict[str, Any], expected: bool) -> None:
    role = Snapshot({"inline": [{"name": "one", "document": {"Statement": [raw]}}]})
    assert administrators(inline_policies(role)) == (["one"] if expected else [])


def test_a_policy_that_was_not_read_is_no_empty_one() -> None:
    role = Snapshot({"inline": [{"name": "one", "document": failed("iam:x", NotReadError("refused"))}]})
    with pytest.raises(NotReadError):
        inline_policies(role)


class TestPermissions:
    def allows(self, *raw: dict[str, Any], boundary: tuple[dict[str, Any], ...] | None = None) -> bool:
        limit = Permissions(read(*boundary)) if boundary else None
        return bool(Permissions(read(*raw), limit).widely_allows("iam:PassRole"))

    def test_named_resources_are_not_wide(self) -> None:
        assert self.allows(allow("iam:PassRole"))
        assert not self.allows(allow("iam:PassRole", ROLE))

    def test_not_action_allows_the_rest(self) -> None:
        assert self.allows({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"})
        assert not self.allows({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})

    def test_a_deny_of_everything_takes_it_away(self) -> None:
        deny = {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}
        assert not self.allows(allow("iam:*"), deny)
        assert self.allows(allow("iam:*"), deny | {"Resource": ROLE})
        assert self.allows(allow("iam:*"), deny | {"Condition": {"Bool": {"aws:SecureTransport": "false"}}})

    def test_a_boundary_takes_it_away(self) -> None:
        assert not self.allows(allow("iam:*"), boundary=(allow("s3:*"),))
        assert not self.allows(allow("iam:*"), boundary=(allow("iam:PassRole", ROLE),))
        assert self.allows(allow("iam:*"), boundary=(allow("*"),))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("sqs:DeleteQueue", True),
        ("s3:*", True),
        ("*:Delete*", True),
        ("ec2:*Tags", True),
        ("dynamodb:PutItem", True),
        ("ec2:Describe*", False),
        ("s3:GetObject", False),
        ("dynamodb:Query", False),
        ("logs:StartQuery", False),
        # AWS knows no resource for it.
        ("cloudwatch:PutMetricData", False),
        ("xray:PutTraceSegments", False),
        ("ssmmessages:OpenDataChannel", False),
        ("ssmmessages:*", False),
    ],
)
def test_which_actions_change_something_that_could_be_named(action: str, expected: bool) -> None:
    assert is_change(action) is expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (allow(["sqs:DeleteQueue", "sqs:GetQueueUrl"]), ["sqs:DeleteQueue"]),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, ["all but iam:*"]),
        (allow("sqs:DeleteQueue", "arn:aws:sqs:us-east-1:111122223333:q"), []),
        (allow("sqs:DeleteQueue", Condition={"StringEquals": {"aws:ResourceTag/wave": "3"}}), []),
        (allow("*"), []),
        ({"Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"}, []),
    ],
    ids=["named among others", "all but", "a named resource", "bound by tag", "administrative", "denied"],
)
def test_changes_of_everything(raw: dict[str, Any], expected: list[str]) -> None:
    assert unbounded_changes(read(raw)[0]) == expected
