"""Policies that let a role take on every other."""

from __future__ import annotations

from migration_ops.aws.policies.conditions import binds_assumption, in_force
from migration_ops.aws.policies.escalation import ASSUME_ROLE
from migration_ops.aws.policies.permissions import is_administrative, own_policies, permissions_of
from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    """What a Deny or the boundary takes away is not counted; an administrator is for the checks of those."""
    open_to_all = [
        one
        for one in permissions_of(role).widely_allows(ASSUME_ROLE)
        if not is_administrative(one) and not any(binds_assumption(each) for each in in_force(one.conditions))
    ]
    found = [policy.name for policy in own_policies(role) if any(one in open_to_all for one in policy.statements)]
    if not found:
        return ok("it may take on named roles at most", value=0)
    return critical(
        f"{', '.join(found)} allows {ASSUME_ROLE} on every role", value=len(found), limit=0, evidence=tuple(found)
    )
