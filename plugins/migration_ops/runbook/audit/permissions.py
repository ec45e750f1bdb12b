"""What a role's policies let it do: actions with wildcards, NotAction, wide resources, boundaries. Pure.

Errs towards "allowed": conditions are taken as met here; ``escalation.py`` knows some that delegate safely. Service
control policies do not show in an account, and are not weighed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from migration_ops.core.facts import Facts
from migration_ops.runbook.policies import Statement, statements

# Who may do these may do everything in the end.
POWERS = ("iam:PutRolePolicy", "iam:CreateUser", "sts:AssumeRole", "ec2:RunInstances", "s3:DeleteBucket", "kms:Decrypt")
ANYTHING = frozenset({"*", "*:*"})


@dataclass(frozen=True)
class Policy:
    """One policy of a role, its statements read."""

    name: str
    statements: tuple[Statement, ...]


def inline_policies(role: Facts) -> list[Policy]:
    """
    :raises NotRead: one of them was not read.
    :raises MalformedPolicy: one of them cannot be understood.
    """
    return [_policy(one) for one in role["inline"]]


def attached_policies(role: Facts, *, by_aws: bool) -> list[Policy]:
    """AWS's own, or those that the account wrote. Raises as :func:`inline_policies`."""
    return [_policy(one) for one in role["attached"] if one["byAws"] is by_aws]


def own_policies(role: Facts) -> list[Policy]:
    """Those that the account can change. Raises as :func:`inline_policies`."""
    return inline_policies(role) + attached_policies(role, by_aws=False)


def boundary_of(role: Facts) -> Policy | None:
    """The permissions boundary; None = there is none. Raises as :func:`inline_policies`."""
    found = role.maybe("boundary")
    return None if found is None else _policy(found)


def _policy(document: Facts) -> Policy:
    return Policy(document["name"], tuple(statements(document["document"])))


@lru_cache(maxsize=4096)
def covers(pattern: str, action: str) -> bool:
    """Whether an action, or a whole pattern of actions, lies within a pattern (``*`` and ``?``, any case)."""
    translated = "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern.lower())
    return re.fullmatch(translated, action.lower()) is not None


def concerns(statement: Statement, action: str) -> bool:
    """Whether the statement speaks of the action, by ``Action`` or by all but ``NotAction``."""
    if statement.not_actions:
        return not any(covers(one, action) for one in statement.not_actions)
    return any(covers(one, action) for one in statement.actions)


def is_wide(resource: str) -> bool:
    """Everything, or everything of a type: ``*``, ``arn:aws:iam::111122223333:role/*``."""
    parts = resource.split(":", 5)
    if resource == "*" or len(parts) < 6:
        return resource == "*"
    # S3 writes no type before the name: bucket/* is all of one bucket.
    typed = "" if parts[2] == "s3" else r"(\w[\w-]*[/:])?"
    return re.fullmatch(typed + r"\*(/\*)?", parts[5]) is not None


def on_wide_resources(statement: Statement) -> bool:
    return bool(statement.not_resources) or any(is_wide(one) for one in statement.resources)


def on_everything(statement: Statement) -> bool:
    return bool(statement.not_resources) or "*" in statement.resources


def is_administrative(statement: Statement) -> bool:
    """Allows every action, or all but some harmless ones, on everything."""
    if not statement.allows or not on_everything(statement):
        return False
    if statement.not_actions:
        return all(concerns(statement, one) for one in POWERS)
    return not ANYTHING.isdisjoint(statement.actions)


@dataclass(frozen=True)
class Permissions:
    """What statements allow together, within a boundary if there is one."""

    statements: tuple[Statement, ...]
    boundary: Permissions | None = None

    def widely_allows(self, action: str) -> list[Statement]:
        """The statements that allow the action on wide resources; none when a Deny or the boundary takes it away."""
        if any(self._denies(one, action) for one in self.statements):
            return []
        if self.boundary is not None and not self.boundary.widely_allows(action):
            return []
        return [one for one in self.statements if one.allows and concerns(one, action) and on_wide_resources(one)]

    @staticmethod
    def _denies(statement: Statement, action: str) -> bool:
        return (
            not statement.allows
            and not statement.conditions
            and on_everything(statement)
            and concerns(statement, action)
        )


def permissions_of(role: Facts) -> Permissions:
    """Of all the role's policies, AWS's too, within its boundary. Raises as :func:`inline_policies`."""
    boundary = boundary_of(role)
    everything = own_policies(role) + attached_policies(role, by_aws=True)
    return Permissions(_all(everything), Permissions(boundary.statements) if boundary else None)


def administrators(policies: Iterable[Policy]) -> list[str]:
    """Names of the policies that allow everything."""
    return [one.name for one in policies if any(is_administrative(each) for each in one.statements)]


def _all(policies: Iterable[Policy]) -> tuple[Statement, ...]:
    return tuple(statement for one in policies for statement in one.statements)
