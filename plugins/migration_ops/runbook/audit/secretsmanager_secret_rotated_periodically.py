"""Secrets that were not exchanged for long, whether by rotation or by hand."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.ages import days_between


def judge(secret: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    """A secret that was never rotated is as old as it is there."""
    limit = limits.audit.max_secret_age_days
    age = days_between(secret.maybe("rotatedAt") or secret["createdAt"], estate.at("secretsmanager.readAt"))
    return above(age, limit, "days since it was rotated or made", FindingVerdict.WARNING)
