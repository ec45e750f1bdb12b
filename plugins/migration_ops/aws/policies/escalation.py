"""Whether a role can give itself more than it has: the known recipes against what it is allowed. Pure.

An action counts on resources of everything, and those that change a role also on the role itself and on the policies
that it has. PassRole of one named role hands on what that role has, no more. Of conditions count those by which one
delegates safely: PassedToService, PermissionsBoundary, PolicyARN, CalledVia, resource tags.
"""

from __future__ import annotations

from migration_ops.aws.policies.conditions import Condition, binds_resource, demands, in_force
from migration_ops.aws.policies.patterns import covers
from migration_ops.aws.policies.permissions import Permissions
from migration_ops.aws.policies.recipes import ASSUME_ROLE, PASS_ROLE, WAYS, Way
from migration_ops.aws.policies.role_policies import Role, meets_own_tags
from migration_ops.aws.policies.statements import Statement

__all__ = ["ASSUME_ROLE", "PASS_ROLE", "WAYS", "Way", "question", "ways_open_to"]

PASSED_TO = "iam:passedtoservice"
# Whoever is made or changed stays within the boundary that the condition names.
BOUNDARY = "iam:permissionsboundary"
ATTACHED = "iam:policyarn"
TAKING_OFF = frozenset({"iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"})
# Policies of AWS that give everything, or the means to it.
POWERFUL = tuple(
    f"arn:aws:iam::aws:policy/{one}" for one in ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess")
)
# More than one request of CheckAccessNotGranted takes would be refused.
ASKED_AT_ONCE = 100


def ways_open_to(permissions: Permissions) -> list[Way]:
    """Those of :data:`WAYS` that the role can go, and the calls by which it takes off what held it back."""
    shed = [Way((one,)) for one in dict.fromkeys(permissions.shed)]
    open_ways = [way for way in WAYS if _is_open(permissions, way)]
    known = {way.name for way in open_ways}
    return [*(way for way in shed if way.name not in known), *open_ways]


def question(permissions: Permissions) -> tuple[dict[str, object], list[str], list[str]] | None:
    """
    What Access Analyzer's CheckAccessNotGranted can be asked of the role: policy, actions, resources.

    Statements whose conditions delegate safely are left out: it takes every condition as one that can be met.

    :returns: None when the question would not be the one that is judged here: with a boundary, or without an ARN.
    """
    role = permissions.role
    if not role.arn or permissions.boundary is not None:
        return None
    actions = [way.actions[0] for way in WAYS if way.on_itself][:ASKED_AT_ONCE]
    listed = [
        one.document
        for one in permissions.statements
        if not (one.allows and any(_is_safe(one, action, Way((action,)), role) for action in actions))
    ]
    if not any(one["Effect"] == "Allow" for one in listed):
        return None
    return {"Version": "2012-10-17", "Statement": listed}, actions, [role.arn, *role.policies]


def _is_open(permissions: Permissions, way: Way) -> bool:
    if way.passed_to:
        # The rest is on what the caller names or makes.
        others = (permissions.somewhere_allows(one) for one in way.actions[1:])
        passes = permissions.widely_allows(PASS_ROLE)
        return _any_serves(permissions, passes, PASS_ROLE, way) and all(
            _any_serves(permissions, found, action, way) for found, action in zip(others, way.actions[1:], strict=True)
        )
    if all(_any_serves(permissions, permissions.widely_allows(one), one, way) for one in way.actions):
        return True
    return any(
        _any_serves(permissions, permissions.allowing(way.actions[0], arn), way.actions[0], way, itself=True)
        for arn in _own(permissions.role, way)
    )


def _own(role: Role, way: Way) -> tuple[str, ...]:
    if way.on_itself == "policy":
        return role.policies
    return (role.arn,) if way.on_itself and role.arn else ()


def _any_serves(permissions: Permissions, found: list[Statement], action: str, way: Way, itself: bool = False) -> bool:
    role = permissions.role if itself else None
    makes = bool(permissions.somewhere_allows("iam:CreatePolicy"))
    return any(not _is_safe(one, action, way, role, makes) for one in found)


def _is_safe(
    statement: Statement, action: str, way: Way, role: Role | None = None, makes_policies: bool = False
) -> bool:
    """
    Whether a condition keeps the statement from serving this way.

    :param role: whose it is, where the way is on the role itself.
    :param makes_policies: whether it may write the policies that a condition names.
    """
    for one in in_force(statement.conditions):
        if not demands(one):
            continue
        if one.key == PASSED_TO and action == PASS_ROLE:
            if not any(covers(value, way.passed_to) for value in one.values):
                return True
        elif one.key == BOUNDARY and action.startswith("iam:"):
            # Of a Delete the key is the boundary that goes: whoever is named loses it.
            if action not in TAKING_OFF and not any(covers(value, each) for value in one.values for each in POWERFUL):
                return True
        elif one.key == ATTACHED and action.startswith("iam:"):
            if _names_harmless_policies(one, makes_policies):
                return True
        elif binds_resource(one) and not (role is not None and meets_own_tags(one, role)):
            return True
    return False


def _names_harmless_policies(condition: Condition, makes_policies: bool) -> bool:
    if any(covers(value, each) for value in condition.values for each in POWERFUL):
        return False
    return not makes_policies or all(":iam::aws:policy/" in value for value in condition.values)
