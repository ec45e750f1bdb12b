"""Secrets that nobody reads."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.series import days_between
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.rotation import cannot_be_changed


def judge(secret: Facts, estate: Facts, limits: Thresholds) -> Judgement | None:
    """
    AWS tells the day of the last read, and nothing of a secret never read: that counts from its creation.

    Does not apply to what a service owns: it is deleted with what it belongs to.
    """
    if cannot_be_changed(secret):
        return None
    limit = limits.audit.max_unused_secret_days
    unused = days_between(secret.maybe("accessedAt") or secret["createdAt"], estate.at("secretsmanager.readAt"))
    return above(unused, limit, "since it was read or made", FindingVerdict.WARNING)
