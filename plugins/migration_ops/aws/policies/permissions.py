"""What a role's policies let it do: actions and resources as IAM matches them, denies, boundaries. Pure.

Errs towards "allowed": an Allow takes in what it may match, a Deny only what it surely matches, and a Deny with
conditions denies nothing for sure. Service control policies do not show in an account, and are not weighed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from migration_ops.aws.policies.conditions import Condition, binds_change, demands, in_force
from migration_ops.aws.policies.kinds import NAMELESS, READING, TYPES, WITHOUT_RESOURCE, resources_like
from migration_ops.aws.policies.patterns import covers, fill, may_match, surely_matches
from migration_ops.aws.policies.statements import Statement, statements
from migration_ops.core.facts import Snapshot

__all__ = [
    "Permissions",
    "Policy",
    "Role",
    "administrators",
    "attached_policies",
    "boundary_of",
    "concerns",
    "covers",
    "inline_policies",
    "is_administrative",
    "is_change",
    "is_wide",
    "own_policies",
    "permissions_of",
    "unbounded_changes",
]

# Who may do these may do everything in the end.
POWERS = ("iam:PutRolePolicy", "iam:CreateUser", "sts:AssumeRole", "ec2:RunInstances", "s3:DeleteBucket", "kms:Decrypt")
UNKNOWN_ACCOUNT = "*"
OF_AWS = ":iam::aws:policy/"
EVERYTHING = tuple(
    f"arn:aws:{one}"
    for one in ("iam::*:role/Kq7Zx3vW", "s3:::kq7zx3vw", "ec2:*:*:instance/i-0Kq7Zx3vW", "kms:*:*:key/Kq7Zx3vW")
)
TYPED = re.compile(r"(\w[\w-]*[/:])?[*?/]*\*[*?/]*")


@dataclass(frozen=True)
class Policy:
    """
    One policy of a role, its statements read.

    :param arn: of a managed policy; empty for an inline one.
    :param by_aws: AWS's own: nobody in the account can write it.
    """

    name: str
    statements: tuple[Statement, ...]
    arn: str = ""
    by_aws: bool = False


@dataclass(frozen=True)
class Role:
    """Whose permissions these are: what in AWS the role itself is.

    :param policies: ARNs of the customer managed policies attached to it.
    :param tags: its own tags.
    :param boundary: ARN of its permissions boundary.
    """

    arn: str = ""
    policies: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    boundary: str = ""

    @property
    def account(self) -> str:
        return self.arn.split(":")[4] if self.arn.count(":") >= 5 else UNKNOWN_ACCOUNT

    @property
    def partition(self) -> str:
        return self.arn.split(":")[1] if self.arn.count(":") >= 5 else "aws"

    @cached_property
    def variables(self) -> dict[str, str | None]:
        """Policy variables of its sessions. A role has no user name: a pattern with one matches nothing."""
        known: dict[str, str | None] = {"aws:username": None}
        if self.arn:
            known |= {"aws:principalarn": self.arn, "aws:principalaccount": self.account}
        return known | {f"aws:principaltag/{key.lower()}": value for key, value in self.tags}


def inline_policies(role: Snapshot) -> list[Policy]:
    """
    :raises NotRead: one of them was not read.
    :raises MalformedPolicy: one of them cannot be understood.
    """
    return [_policy(one) for one in role["inline"]]


def attached_policies(role: Snapshot, *, by_aws: bool) -> list[Policy]:
    """AWS's own, or those that the account wrote. Raises as :func:`inline_policies`."""
    return [_policy(one) for one in role["attached"] if one["byAws"] is by_aws]


def own_policies(role: Snapshot) -> list[Policy]:
    """Those that the account can change. Raises as :func:`inline_policies`."""
    return inline_policies(role) + attached_policies(role, by_aws=False)


def boundary_of(role: Snapshot) -> Policy | None:
    """The permissions boundary; None = there is none. Raises as :func:`inline_policies`."""
    found = role.optional("boundary")
    return None if found is None else _policy(found)


def role_of(role: Snapshot) -> Role:
    """The role itself, as far as the snapshot names it."""
    attached = [one for one in role["attached"] if one["byAws"] is False]
    boundary = role.optional("boundary")
    tags = role.optional("tags", {})
    return Role(
        arn=role.optional("arn", ""),
        policies=tuple(arn for one in attached if (arn := one.optional("arn", ""))),
        tags=tuple(sorted((str(key), str(value)) for key, value in tags.items())),
        boundary="" if boundary is None else boundary.optional("arn", ""),
    )


def _policy(document: Snapshot) -> Policy:
    read = tuple(statements(document["document"]))
    return Policy(document["name"], read, document.optional("arn", ""), document.optional("byAws", False))


def concerns(statement: Statement, action: str) -> bool:
    """Whether the statement speaks of the action, by ``Action`` or by all but ``NotAction``."""
    if statement.not_actions:
        return not any(covers(one, action) for one in statement.not_actions)
    return any(covers(one, action) for one in statement.actions)


def is_wide(resource: str) -> bool:
    """Everything, or everything of a type: ``*``, ``arn:aws:iam::111122223333:role/*``, ``.../role/?*``."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        # IAM completes it: arn:aws:iam::* is all of IAM.
        return resource.startswith("arn:") or any(may_match(resource, one) for one in EVERYTHING)
    service, rest = parts[2], parts[5]
    # S3 writes no type before the name: bucket/* is all of one bucket.
    if service == "s3":
        return not rest.strip("*?/") and "*" in rest
    if TYPED.fullmatch(rest) is not None:
        return True
    # ro*, *role/*: a pattern that ends within the type's own name, or begins before it.
    kinds = TYPES.get(service, ())
    return any(may_match(f"a:a:a:a:a:{rest}", f"a:a:a:a:a:{kind}{name}") for kind in kinds for name in NAMELESS)


def on_wide_resources(statement: Statement) -> bool:
    return bool(statement.not_resources) or any(is_wide(one) for one in statement.resources)


def on_everything(statement: Statement) -> bool:
    return all(_allows_on(statement, one, Role()) for one in EVERYTHING)


def is_administrative(statement: Statement) -> bool:
    """Allows every action, or all but some harmless ones, on everything."""
    if not statement.allows or not on_everything(statement):
        return False
    if statement.not_actions:
        return all(concerns(statement, one) for one in POWERS)
    return any(all(covers(one, power) for power in POWERS) for one in statement.actions)


@dataclass(frozen=True)
class Permissions:
    """
    What statements allow together, within a boundary if there is one.

    :param role: whose they are; needed for what the role may do to itself.
    :param shed: calls by which the role takes a boundary or a Deny off itself; those are left out here already.
    """

    statements: tuple[Statement, ...]
    boundary: Permissions | None = None
    role: Role = Role()
    shed: tuple[str, ...] = ()

    def allowing(self, action: str, arn: str) -> list[Statement]:
        """The statements that allow the action on a resource; none when a Deny or the boundary takes it away."""
        if any(self._denies(one, action, arn) for one in self.statements):
            return []
        if self.boundary is not None and not self.boundary.allowing(action, arn):
            return []
        return [
            one for one in self.statements if one.allows and concerns(one, action) and _allows_on(one, arn, self.role)
        ]

    def widely_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on everything of its kind."""
        found: list[Statement] = []
        for arn in resources_like(action, self.role.account, self.role.partition):
            found += [one for one in self.allowing(action, arn) if one not in found]
        return found

    def somewhere_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on anything: enough where the caller names what is made."""
        if self.surely_denies(action):
            return []
        if self.boundary is not None and not self.boundary.somewhere_allows(action):
            return []
        return [one for one in self.statements if one.allows and concerns(one, action)]

    def surely_denies(self, action: str) -> bool:
        """Whether the action, or a whole pattern of actions, is denied on everything without a condition."""
        return any(self._denies(one, action, "*") for one in self.statements)

    def _denies(self, statement: Statement, action: str, arn: str) -> bool:
        if statement.allows or statement.conditions or not concerns(statement, action):
            return False
        if statement.not_resources:
            # Denied is only what none of them may take in: the role itself may stay open.
            return arn != "*" and not any(_may(one, arn, self.role) for one in statement.not_resources)
        return any(one == "*" or (arn != "*" and surely_matches(one, arn)) for one in statement.resources)


def _allows_on(statement: Statement, arn: str, role: Role) -> bool:
    if statement.not_resources:
        return not any(surely_matches(one, arn) for one in statement.not_resources)
    return any(_may(one, arn, role) for one in statement.resources)


def _may(pattern: str, arn: str, role: Role) -> bool:
    filled = fill(pattern, role.variables)
    return filled is not None and may_match(filled, arn)


def permissions_of(role: Snapshot) -> Permissions:
    """
    Of all the role's policies, AWS's too, within its boundary; without what it may take off itself.

    Raises as :func:`inline_policies`.
    """
    boundary = boundary_of(role)
    policies = own_policies(role) + attached_policies(role, by_aws=True)
    limit = Permissions(boundary.statements) if boundary else None
    found = Permissions(_all(policies), limit, role_of(role))
    return _without_what_it_sheds(found, policies)


def _without_what_it_sheds(found: Permissions, policies: list[Policy]) -> Permissions:
    """Each thing that goes may open the way to another."""
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
    """Whether it denies, for some requests at least, something that is allowed."""
    if deny.allows:
        return False
    wanted = [action for one in found.statements if one.allows for action in one.actions]
    return bool(deny.not_actions) or any(
        covers(one, each) or covers(each, one) for one in deny.actions for each in wanted
    )


def _boundary_calls(found: Permissions) -> list[str]:
    """Calls by which the role frees itself of its boundary."""
    role = found.role
    itself = [
        one
        for one in ("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary")
        if role.arn and any(_serves(each, one, role) for each in found.allowing(one, role.arn))
    ]
    return itself + (_version_calls(found, role.boundary) if role.boundary else [])


def _deny_calls(found: Permissions, policy: Policy) -> list[str]:
    """Calls by which the role takes one of its policies away."""
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
    """Whether its conditions leave the call on the role itself open."""
    return not any(_hinders(one, call, role, policy) for one in in_force(statement.conditions))


def _hinders(condition: Condition, call: str, role: Role, policy: str) -> bool:
    values = condition.values
    if condition.key == "iam:permissionsboundary":
        # Of a change the key is the boundary that the role has, which meets the condition. Of
        # PutRolePermissionsBoundary it is the new one: harmless when it is the same.
        return call == "iam:PutRolePermissionsBoundary" and set(values) == {role.boundary} and demands(condition)
    if condition.key == "iam:policyarn" and policy:
        return demands(condition) and not any(may_match(one, policy) for one in values)
    return binds_change(condition) and not meets_own_tags(condition, role)


def meets_own_tags(condition: Condition, role: Role) -> bool:
    """Whether a condition on tags of the resource is met by the role's own."""
    name = condition.key.partition("resourcetag/")[2]
    own = {key.lower(): value for key, value in role.tags}
    if not name or name not in own:
        return False
    like = "like" in condition.operator.lower()
    values = [fill(one, role.variables) for one in condition.values]
    return any(one is not None and (covers(one, own[name]) if like else one == own[name]) for one in values)


def administrators(policies: Iterable[Policy]) -> list[str]:
    """Names of the policies that allow everything."""
    return [one.name for one in policies if any(is_administrative(each) for each in one.statements)]


def _all(policies: Iterable[Policy]) -> tuple[Statement, ...]:
    return tuple(statement for one in policies for statement in one.statements)


def unbounded_changes(statement: Statement) -> list[str]:
    """The actions of a statement that change every resource; none of an administrative one, which has its own check."""
    if not statement.allows or not on_everything(statement) or is_administrative(statement):
        return []
    if any(binds_change(one) for one in in_force(statement.conditions)):
        return []
    if statement.not_actions:
        return [f"all but {', '.join(statement.not_actions)}"]
    return [one for one in statement.actions if is_change(one)]


def is_change(action: str) -> bool:
    """Whether an action, or a pattern of actions, may change something that could have been named."""
    if any(covers(one, action) for one in WITHOUT_RESOURCE):
        return False
    verb = action.rpartition(":")[2]
    return not any(covers(f"{one}*", verb) for one in READING)
