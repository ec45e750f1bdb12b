"""Roles that can give themselves more than they have."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.escalation import ways_open_to
from migration_ops.runbook.audit.permissions import (
    administrators,
    attached_policies,
    own_policies,
    permissions_of,
)


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement | None:
    """A role that may do everything already is for the checks of administrative policies."""
    policies = own_policies(role) + attached_policies(role, by_aws=True)
    if administrators(policies):
        return None
    ways = [way.name for way in ways_open_to(permissions_of(role))]
    if not ways:
        return ok("it cannot give itself more", value=0)
    return critical(f"it can give itself more by {ways[0]}", value=len(ways), limit=0, evidence=tuple(ways))
