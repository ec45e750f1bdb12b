"""Roles that can give themselves more than they have."""

from __future__ import annotations

from migration_ops.aws.policies.escalation import ways_open_to
from migration_ops.aws.policies.permissions import administrators, attached_policies, own_policies, permissions_of
from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.verdicts import asked_of, second_opinion


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement | None:
    """A role that may do everything already, and is held by nothing, is for the checks of administrative policies."""
    policies = own_policies(role) + attached_policies(role, by_aws=True)
    permissions = permissions_of(role)
    if administrators(policies) and permissions.boundary is None and not permissions.shed:
        return None
    ways = [way.name for way in ways_open_to(permissions)]
    said, granted = second_opinion(asked_of(role, "grantCheck"))
    evidence = (*ways, *((said,) if said else ()))
    if ways:
        also = "" if granted or not said else f"; {said}"
        return critical(f"it can give itself more by {ways[0]}{also}", value=len(ways), limit=0, evidence=evidence)
    if granted:
        return critical(f"{said}; our reading finds no way", value=1, limit=0, evidence=evidence)
    return ok("it cannot give itself more", value=0, evidence=evidence)
