"""Policies that let a role take on every other."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.escalation import ASSUME_ROLE
from migration_ops.runbook.audit.permissions import concerns, is_administrative, on_wide_resources, own_policies


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = [
        policy.name
        for policy in own_policies(role)
        if any(
            one.allows
            and not is_administrative(one)
            and not one.conditions
            and concerns(one, ASSUME_ROLE)
            and on_wide_resources(one)
            for one in policy.statements
        )
    ]
    if not found:
        return ok("it may take on named roles at most", value=0)
    return critical(
        f"{', '.join(found)} allows {ASSUME_ROLE} on every role", value=len(found), limit=0, evidence=tuple(found)
    )
