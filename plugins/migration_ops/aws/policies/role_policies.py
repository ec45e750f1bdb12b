"""The policies of a role as they were read: inline, attached, its boundary; and the role's ARN and tags."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from migration_ops.aws.policies.conditions import Condition
from migration_ops.aws.policies.patterns import covers, fill
from migration_ops.aws.policies.statements import Statement, statements
from migration_ops.core.facts import Snapshot

UNKNOWN_ACCOUNT = "*"


@dataclass(frozen=True)
class Policy:
    """
    One policy of a role, with its statements.

    :param arn: ARN of a managed policy; empty for an inline one.
    :param by_aws: it is AWS managed: nobody in the account can change it.
    """

    name: str
    statements: tuple[Statement, ...]
    arn: str = ""
    by_aws: bool = False


@dataclass(frozen=True)
class Role:
    """The role itself, as far as its permissions depend on it.

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
        """Policy variables of its sessions. A role has no ``aws:username``: a pattern with it matches nothing."""
        known: dict[str, str | None] = {"aws:username": None}
        if self.arn:
            known |= {"aws:principalarn": self.arn, "aws:principalaccount": self.account}
        return known | {f"aws:principaltag/{key.lower()}": value for key, value in self.tags}


def inline_policies(role: Snapshot) -> list[Policy]:
    """
    The inline policies.

    :raises NotReadError: one of them was not read.
    :raises MalformedPolicyError: one of them cannot be understood.
    """
    return [_policy(one) for one in role["inline"]]


def attached_policies(role: Snapshot, *, by_aws: bool) -> list[Policy]:
    """The attached AWS managed policies, or the customer managed ones. Raises as :func:`inline_policies`."""
    return [_policy(one) for one in role["attached"] if one["byAws"] is by_aws]


def own_policies(role: Snapshot) -> list[Policy]:
    """The policies that the account can change. Raises as :func:`inline_policies`."""
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


def meets_own_tags(condition: Condition, role: Role) -> bool:
    """Whether a condition on tags of the resource is met by the role's own."""
    name = condition.key.partition("resourcetag/")[2]
    own = {key.lower(): value for key, value in role.tags}
    if not name or name not in own:
        return False
    operator = condition.operator.lower()
    # Values differ by case, but in doubt a condition is met.
    matches = covers if "like" in operator or "ignorecase" in operator else str.__eq__
    values = [fill(one, role.variables) for one in condition.values]
    return any(one is not None and matches(one, own[name]) for one in values)
