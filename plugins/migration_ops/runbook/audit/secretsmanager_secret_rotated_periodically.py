"""Secrets that were not exchanged for long, whether by rotation or by hand."""

from __future__ import annotations

from migration_ops.runbook.audit.ages import days_between
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(secret: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    """A secret that was never rotated is as old as it is there."""
    limit = limits.audit.max_secret_age_days
    age = days_between(secret.maybe("rotatedAt") or secret["createdAt"], estate.at("secretsmanager.readAt"))
    return above(age, limit, "since it was rotated or made", FindingVerdict.WARNING)
