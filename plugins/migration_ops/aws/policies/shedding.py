"""Which boundary or Deny a role can remove from itself, and what it may do then."""

from __future__ import annotations

from collections.abc import Iterable

from migration_ops.aws.policies.conditions import Condition, binds_change, demands, in_force
from migration_ops.aws.policies.patterns import covers, may_match
from migration_ops.aws.policies.permissions import Permissions
from migration_ops.aws.policies.role_policies import (
    Policy,
    Role,
    attached_policies,
    boundary_of,
    meets_own_tags,
    own_policies,
    role_of,
)
from migration_ops.aws.policies.statements import Statement
from migration_ops.core.facts import Snapshot

OF_AWS = ":iam::aws:policy/"


def permissions_of(role: Snapshot) -> Permissions:
    """
    The permissions by all policies of the role, also AWS managed ones, within its boundary; but without a boundary or
    Deny that the role can remove.

    Raises as :func:`inline_policies`.
    """
    boundary = boundary_of(role)
    policies = own_policies(role) + attached_policies(role, by_aws=True)
    limit = Permissions(boundary.statements) if boundary else None
    found = Permissions(_all(policies), limit, role_of(role))
    return _without_what_it_sheds(found, policies)


def _without_what_it_sheds(found: Permissions, policies: list[Policy]) -> Permissions:
    """Repeated until nothing changes: without one Deny or boundary the role may be able to remove the next."""
    while True:
        if found.boundary is not None and (calls := _boundary_calls(found)):
            found = Permissions(found.statements, None, found.role, (*found.shed, *calls))
            continue
        for policy in policies:
            denies = [one for one in policy.statements if one in found.statements and _takes_away(one, found)]
            if denies and (calls := _deny_calls(found, policy)):
                left = tuple(one for one in found.statements if one not in denies)
                found = Permissions(left, found.boundary, found.role, (*found.shed, *calls))
                break
        else:
            return found


def _takes_away(deny: Statement, found: Permissions) -> bool:
    """Whether it denies something that is allowed, at least for some requests."""
    if deny.allows:
        return False
    allowed = [one for one in found.statements if one.allows]
    wanted = [action for one in allowed for action in one.actions]
    return (
        bool(deny.not_actions)
        or any(one.not_actions for one in allowed)
        or any(covers(one, each) or covers(each, one) for one in deny.actions for each in wanted)
    )


def _boundary_calls(found: Permissions) -> list[str]:
    """Calls by which the role can remove or replace its boundary."""
    role = found.role
    itself = [
        one
        for one in ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")
        if role.arn and any(_serves(each, one, role) for each in found.allowing(one, role.arn))
    ]
    return itself + (_version_calls(found, role.boundary) if role.boundary else [])


def _deny_calls(found: Permissions, policy: Policy) -> list[str]:
    """Calls by which the role can remove or rewrite one of its policies."""
    if policy.arn and not policy.by_aws and (calls := _version_calls(found, policy.arn)):
        return calls
    call = "iam:DetachRolePolicy" if policy.arn else "iam:DeleteRolePolicy"
    arn = found.role.arn
    return (
        [call] if arn and any(_serves(one, call, found.role, policy.arn) for one in found.allowing(call, arn)) else []
    )


def _version_calls(found: Permissions, arn: str) -> list[str]:
    if OF_AWS in arn:
        return []
    calls = ("iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion")
    return [one for one in calls if any(_serves(each, one, found.role) for each in found.allowing(one, arn))]


def _serves(statement: Statement, call: str, role: Role, policy: str = "") -> bool:
    """Whether its conditions still allow the call on the role itself."""
    return not any(_hinders(one, call, role, policy) for one in in_force(statement.conditions))


def _hinders(condition: Condition, call: str, role: Role, policy: str) -> bool:
    values = condition.values
    if condition.key == "iam:permissionsboundary":
        # In other calls the key is the boundary that the role has, so the condition is met. In
        # PutRolePermissionsBoundary it is the new boundary: harmless when it is the same.
        return call == "iam:PutRolePermissionsBoundary" and set(values) == {role.boundary} and demands(condition)
    if condition.key == "iam:policyarn" and policy:
        return demands(condition) and not any(may_match(one, policy) for one in values)
    return binds_change(condition) and not meets_own_tags(condition, role)


def _all(policies: Iterable[Policy]) -> tuple[Statement, ...]:
    return tuple(statement for one in policies for statement in one.statements)
