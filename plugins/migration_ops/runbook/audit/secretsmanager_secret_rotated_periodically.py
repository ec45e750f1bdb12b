"""Secrets that were not exchanged for long, whether by rotation or by hand."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.series import days_between
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.rotation import cannot_be_changed


def judge(secret: Facts, estate: Facts, limits: Thresholds) -> Judgement | None:
    """
    A secret that was never rotated is as old as it is there.

    Does not apply to what a service owns and does not rotate, nor to a replica of unknown age: it is judged at home.
    """
    if cannot_be_changed(secret) and not secret["rotates"]:
        return None
    if secret.maybe("primaryRegion") and not secret.maybe("rotatedAt"):
        return None
    limit = limits.audit.max_secret_age_days
    age = days_between(secret.maybe("rotatedAt") or secret["createdAt"], estate.at("secretsmanager.readAt"))
    return above(age, limit, "since it was rotated or made", FindingVerdict.WARNING)
