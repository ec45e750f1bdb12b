"""Whom resources let in, by every way there is: policies, ACLs, and the blocks that hold both back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.aws.policies.statements import Statement, held_statements, public_statements, unbound_services
from migration_ops.core.facts import Snapshot

# Groups of S3's ACLs that are the public; every AWS account of the world is, too.
PUBLIC_GROUPS = ("/groups/global/AllUsers", "/groups/global/AuthenticatedUsers")
BLOCK_PARTS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
# Ownership under which S3 looks at no ACL.
ENFORCED = "BucketOwnerEnforced"


@dataclass(frozen=True)
class Exposure:
    """
    What policies of one resource let happen.

    :param public: statements, by words, that let everybody in.
    :param unbound: statements that let an AWS service in on whoever's behalf.
    :param held: statements that let everybody in, were there no Deny beside them.
    """

    public: tuple[str, ...] = ()
    unbound: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def exposure_of(policies: Iterable[tuple[str, Any]]) -> Exposure:
    """
    :param policies: what a policy belongs to (an alias or version; empty for the resource itself) and the policy.
    :raises MalformedPolicy: one cannot be understood.
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
    """What an ACL gives to everybody, by words. ``grants`` have ``uri`` (empty for a user) and ``permission``."""
    return [
        f"{one['permission']} to {one['uri'].rsplit('/', 1)[-1]} (ACL)"
        for one in grants
        if one["uri"].endswith(PUBLIC_GROUPS)
    ]


def is_blocked(part: str, *blocks: Snapshot | None) -> bool:
    """Whether a part of the public access block is on, of the bucket or of its account: either holds."""
    return any(one is not None and one.optional(part) is True for one in blocks)


def _named(whose: str, statement: Statement) -> str:
    what = ", ".join((*statement.actions, *(f"all but {one}" for one in statement.not_actions)))
    return f"{what}{f' ({statement.sid})' if statement.sid else ''}{f' of {whose}' if whose else ''}"
