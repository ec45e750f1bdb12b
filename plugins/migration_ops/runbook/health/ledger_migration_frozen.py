"""Migrations that stopped in a state which only a person can judge."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical
from migration_ops.core.thresholds import Thresholds


def judge(migration: Facts, _: Facts, limits: Thresholds) -> Judgement:
    why = migration.maybe("errorMessage") or migration.maybe("errorCode") or "no reason was written"
    return critical(
        f"frozen since {migration['updatedAt']}: {why}",
        value=migration["status"],
        evidence=tuple(f"{name}: {migration.maybe(name)}" for name in ("wave", "sourceServerId", "dagRunId")),
    )
