"""What one statement covers: which actions, all or named resources, and whether it changes something."""

from __future__ import annotations

import re
from collections.abc import Iterable

from migration_ops.aws.policies.conditions import binds_change, demands, in_force
from migration_ops.aws.policies.kinds import NAMELESS, READING, TYPES, WITHOUT_RESOURCE
from migration_ops.aws.policies.patterns import covers, fill, may_match, surely_matches
from migration_ops.aws.policies.role_policies import Policy, Role
from migration_ops.aws.policies.statements import Statement

# Whoever may do all of these on everything is an administrator.
POWERS = ("iam:PutRolePolicy", "iam:CreateUser", "sts:AssumeRole", "ec2:RunInstances", "s3:DeleteBucket", "kms:Decrypt")
EVERYTHING = tuple(
    f"arn:aws:{one}"
    for one in ("iam::*:role/Kq7Zx3vW", "s3:::kq7zx3vw", "ec2:*:*:instance/i-0Kq7Zx3vW", "kms:*:*:key/Kq7Zx3vW")
)
TYPED = re.compile(r"(\w[\w-]*[/:])?[*?/]*\*[*?/]*")


def concerns(statement: Statement, action: str) -> bool:
    """Whether the statement covers the action: ``Action`` matches it, or ``NotAction`` does not."""
    if statement.not_actions:
        return not any(covers(one, action) for one in statement.not_actions)
    return any(covers(one, action) for one in statement.actions)


def is_wide(resource: str) -> bool:
    """Everything, or everything of a type: ``*``, ``arn:aws:iam::111122223333:role/*``, ``.../role/?*``."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        # IAM completes it with wildcards: arn:aws:iam::* is all of IAM.
        return resource.startswith("arn:") or any(may_match(resource, one) for one in EVERYTHING)
    service, rest = parts[2], parts[5]
    # S3 ARNs have no type before the name: bucket/* is all of one bucket.
    if service == "s3":
        return not rest.strip("*?/") and "*" in rest
    if TYPED.fullmatch(rest) is not None:
        return True
    # ro*, *role/*: a pattern with a wildcard inside or before the type's name.
    kinds = TYPES.get(service, ())
    return any(may_match(f"a:a:a:a:a:{rest}", f"a:a:a:a:a:{kind}{name}") for kind in kinds for name in NAMELESS)


def on_wide_resources(statement: Statement) -> bool:
    return bool(statement.not_resources) or any(is_wide(one) for one in statement.resources)


def on_everything(statement: Statement) -> bool:
    return all(allows_on(statement, one, Role()) for one in EVERYTHING)


def is_administrative(statement: Statement) -> bool:
    """Allows every action, or all but some harmless ones, on everything."""
    if not statement.allows or not on_everything(statement):
        return False
    if statement.not_actions:
        return all(concerns(statement, one) for one in POWERS)
    return any(all(covers(one, power) for power in POWERS) for one in statement.actions)


def allows_on(statement: Statement, arn: str, role: Role) -> bool:
    """Whether the statement's resources match the ARN, or may match it."""
    if statement.not_resources:
        return not any(surely_matches(one, arn) for one in statement.not_resources)
    return any(may_reach(one, arn, role) for one in statement.resources)


def is_for(statement: Statement, role: Role) -> bool:
    """Whether the role's sessions can meet the conditions on the caller's ARN. Other conditions are not looked at."""
    if not role.arn:
        return True
    return all(
        any(may_reach(value, role.arn, role) for value in one.values)
        for one in in_force(statement.conditions)
        if one.key == "aws:principalarn" and demands(one)
    )


def may_reach(pattern: str, arn: str, role: Role) -> bool:
    """Whether a pattern, with the role's own variables filled in, may match the resource."""
    filled = fill(pattern, role.variables)
    return filled is not None and may_match(filled, arn)


def administrators(policies: Iterable[Policy]) -> list[str]:
    """Names of the policies that allow everything."""
    return [one.name for one in policies if any(is_administrative(each) for each in one.statements)]


def unbounded_changes(statement: Statement) -> list[str]:
    """The actions of a statement that can change every resource; none if it is administrative: it has its own check."""
    if not statement.allows or not on_everything(statement) or is_administrative(statement):
        return []
    if any(binds_change(one) for one in in_force(statement.conditions)):
        return []
    if statement.not_actions:
        return [f"all but {', '.join(statement.not_actions)}"]
    return [one for one in statement.actions if is_change(one)]


def is_change(action: str) -> bool:
    """Whether an action, or a pattern of actions, may change a resource that the policy could name."""
    if any(covers(one, action) for one in WITHOUT_RESOURCE):
        return False
    verb = action.rpartition(":")[2]
    return not any(covers(f"{one}*", verb) for one in READING)
