"""Policies that allow all of KMS on all keys."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.permissions import concerns, is_administrative, on_wide_resources, own_policies

ALL_OF_KMS = "kms:*"


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = [
        policy.name
        for policy in own_policies(role)
        if any(
            one.allows and not is_administrative(one) and concerns(one, ALL_OF_KMS) and on_wide_resources(one)
            for one in policy.statements
        )
    ]
    if not found:
        return ok("no policy has all of KMS", value=0)
    return warning(
        f"{', '.join(found)} allows {ALL_OF_KMS} on every key", value=len(found), limit=0, evidence=tuple(found)
    )
