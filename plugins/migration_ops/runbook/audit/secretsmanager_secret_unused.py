"""Secrets that nobody reads."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.ages import days_between


def judge(secret: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    """AWS tells the day of the last read, and nothing of a secret never read: that counts from its creation."""
    limit = limits.audit.max_unused_secret_days
    unused = days_between(secret.maybe("accessedAt") or secret["createdAt"], estate.at("secretsmanager.readAt"))
    return above(unused, limit, "days since it was read or made", FindingVerdict.WARNING)
