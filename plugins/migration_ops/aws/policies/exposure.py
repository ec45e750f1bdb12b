"""Who has access to a resource: by policies and ACLs, and what S3's public access block takes away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.policies.statements import Statement, held_statements, public_statements, unbound_services
from migration_ops.core.facts import Snapshot

# Groups in S3's ACLs that mean the public; AuthenticatedUsers is every AWS account.
PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
BLOCK_PARTS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
# With this ownership S3 ignores ACLs.
ENFORCED = "BucketOwnerEnforced"


@dataclass(frozen=True)
class Exposure:
    """
    What the policies of one resource allow; statements as text.

    :param public: statements that allow everybody.
    :param unbound: statements that allow an AWS service, for whomever it acts.
    :param held: statements that would allow everybody if there were no Deny.
    """

    public: tuple[str, ...] = ()
    unbound: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def exposure_of(policies: Iterable[tuple[str, Any]]) -> Exposure:
    """
    Judges all policies of one resource.

    :param policies: what a policy belongs to (an alias or version; empty for the resource itself) and the policy.
    :raises MalformedPolicyError: a policy cannot be understood.
    """
    public: list[str] = []
    unbound: list[str] = []
    held: list[str] = []
    for whose, document in policies:
        public += [_named(whose, one) for one in public_statements(document)]
        unbound += [_named(whose, one) for one in unbound_services(document)]
        held += [_named(whose, one) for one in held_statements(document)]
    return Exposure(tuple(public), tuple(unbound), tuple(held))


def public_grants(grants: Iterable[Mapping[str, Any]]) -> list[str]:
    """What an ACL grants to everybody, as text. ``grants`` have ``uri`` (empty for a user) and ``permission``."""
    return [
        f"{one['permission']} to {one['uri'].rsplit('/', 1)[-1]} (ACL)"
        for one in grants
        if one["uri"].endswith(PUBLIC_GROUPS)
    ]


def is_blocked(part: str, *blocks: Snapshot | None) -> bool:
    """Whether a part of the public access block is on, for the bucket or for its account: one is enough."""
    return any(one is not None and one.optional(part) is True for one in blocks)


def _named(whose: str, statement: Statement) -> str:
    what = ", ".join((*statement.actions, *(f"all but {one}" for one in statement.not_actions)))
    return f"{what}{f' ({statement.sid})' if statement.sid else ''}{f' of {whose}' if whose else ''}"
