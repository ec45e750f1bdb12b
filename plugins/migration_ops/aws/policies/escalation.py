"""Whether a role can give itself more permissions: compares the known recipes with what it is allowed. Pure.

An action counts when it is allowed on every resource of its kind; one that changes a role also when it is allowed on
the role itself or on its own policies. PassRole of one named role does not count. A condition counts if it makes
delegation safe: PassedToService, PermissionsBoundary, PolicyARN, CalledVia, resource tags.
"""

from __future__ import annotations

from migration_ops.aws.policies.conditions import Condition, binds_resource, demands, in_force
from migration_ops.aws.policies.kinds import tagging
from migration_ops.aws.policies.patterns import covers
from migration_ops.aws.policies.permissions import Permissions
from migration_ops.aws.policies.recipes import ASSUME_ROLE, PASS_ROLE, WAYS, Way
from migration_ops.aws.policies.role_policies import Role, meets_own_tags
from migration_ops.aws.policies.statements import Statement

__all__ = ["ASSUME_ROLE", "PASS_ROLE", "WAYS", "Way", "question", "ways_open_to"]

PASSED_TO = "iam:passedtoservice"
# The role or user that is created or changed has the boundary that the condition names.
BOUNDARY = "iam:permissionsboundary"
ATTACHED = "iam:policyarn"
TAKING_OFF = frozenset({"iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"})
# AWS managed policies that allow everything, or allow getting there.
POWERFUL = tuple(
    f"arn:{partition}:iam::aws:policy/{one}"
    for partition in ("aws", "aws-cn", "aws-us-gov")
    for one in (
        *("AdministratorAccess", "IAMFullAccess", "PowerUserAccess"),
        # With a recipe of this module.
        *("AWSLambda_FullAccess", "AmazonSSMFullAccess", "AWSCloudFormationFullAccess", "AWSCodeBuildAdminAccess"),
        *("AmazonECS_FullAccess", "AWSStepFunctionsFullAccess"),
    )
)
# The most actions that CheckAccessNotGranted accepts in one request.
ASKED_AT_ONCE = 100


def ways_open_to(permissions: Permissions) -> list[Way]:
    """The recipes of :data:`WAYS` that the role can use, and the calls that remove its own boundary or Deny."""
    shed = [Way((one,)) for one in dict.fromkeys(permissions.shed)]
    open_ways = [way for way in WAYS if _is_open(permissions, way)]
    known = {way.name for way in open_ways}
    return [*(way for way in shed if way.name not in known), *open_ways]


def question(permissions: Permissions) -> tuple[dict[str, object], list[str], list[str]] | None:
    """
    The question about the role for Access Analyzer's CheckAccessNotGranted: policy, actions, resources.

    Statements with a condition that makes delegation safe are left out: Access Analyzer assumes that every condition
    can be met.

    :returns: None for a role with a boundary, without an ARN, or without an Allow that is left.
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
        # The other actions are on a resource that the caller creates or names.
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
    tags = _may_tag(permissions, action, itself=itself)
    return any(not _is_safe(one, action, way, role, makes, may_tag=tags) for one in found)


def _may_tag(permissions: Permissions, action: str, *, itself: bool) -> bool:
    """Whether the role may give the action's resources the tags that a condition asks for."""
    tag, role = tagging(action), permissions.role
    own = (role.arn, *role.policies) if itself else ()
    found = [one for arn in own for one in permissions.allowing(tag, arn)] or permissions.widely_allows(tag)
    return any(not any(_limits_tags(one) for one in in_force(statement.conditions)) for statement in found)


def _limits_tags(condition: Condition) -> bool:
    return demands(condition) and (
        condition.key == "aws:tagkeys" or condition.key.startswith("aws:requesttag/") or binds_resource(condition)
    )


def _is_safe(
    statement: Statement,
    action: str,
    way: Way,
    role: Role | None = None,
    makes_policies: bool = False,
    *,
    may_tag: bool = False,
) -> bool:
    """
    Whether a condition prevents the use of the statement for this recipe.

    :param role: the role, where the recipe acts on the role itself.
    :param makes_policies: whether the role may create policies, so also those that a condition names.
    :param may_tag: whether the role may set the resource's tags, so also those that a condition names.
    """
    for one in in_force(statement.conditions):
        if not demands(one):
            continue
        if one.key == PASSED_TO and action == PASS_ROLE:
            if not any(covers(value, name) for value in one.values for name in (way.passed_to, f"{way.passed_to}.cn")):
                return True
        elif one.key == BOUNDARY and action.startswith("iam:"):
            # In a Delete call the key is the boundary that is removed, so the condition does not help.
            if action not in TAKING_OFF and not any(covers(value, each) for value in one.values for each in POWERFUL):
                return True
        elif one.key == ATTACHED and action.startswith("iam:"):
            if _names_harmless_policies(one, makes_policies):
                return True
        elif binds_resource(one) and not _is_met(one, role, may_tag=may_tag):
            return True
    return False


def _is_met(condition: Condition, role: Role | None, *, may_tag: bool) -> bool:
    if may_tag and "resourcetag/" in condition.key:
        return True
    return role is not None and meets_own_tags(condition, role)


def _names_harmless_policies(condition: Condition, makes_policies: bool) -> bool:
    if any(covers(value, each) for value in condition.values for each in POWERFUL):
        return False
    return not makes_policies or all(":iam::aws:policy/" in value for value in condition.values)
