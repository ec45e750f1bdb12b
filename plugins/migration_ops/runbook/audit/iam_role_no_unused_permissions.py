"""Services that a role may use and has not used for long."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.ages import days_between

SHOWN = 8


def judge(role: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    """Services that IAM has never seen used count from the role's creation."""
    now, limit = estate.at("iam.readAt"), limits.audit.max_unused_permission_days
    if days_between(role["createdAt"], now) <= limit:
        return ok(f"made less than {limit} days ago", limit=0)
    services = role["lastAccessed"]["services"]
    unused = sorted(
        one["namespace"] for one in services if days_between(one.maybe("lastUsedAt", role["createdAt"]), now) > limit
    )
    if not unused:
        return ok(f"used all {len(services)} services that it may", value=0, limit=0)
    return warning(
        f"has not used {len(unused)} of {len(services)} services for {limit} days: {', '.join(unused[:SHOWN])}",
        value=len(unused),
        limit=0,
        evidence=tuple(unused),
    )
