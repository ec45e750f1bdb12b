"""Migrations that stopped in a state which only a person can judge."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement, critical
from migration_ops.runbook.thresholds import Thresholds


def judge(migration: Facts, _: Facts, limits: Thresholds) -> Judgement:
    why = migration.maybe("errorMessage") or migration.maybe("errorCode") or "no reason was written"
    return critical(
        f"frozen since {migration['updatedAt']}: {why}",
        value=migration["status"],
        evidence=tuple(f"{name}: {migration.maybe(name)}" for name in ("wave", "sourceServerId", "dagRunId")),
    )
