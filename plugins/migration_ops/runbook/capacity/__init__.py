"""Quarterly capacity plan: what grows, how much of each quota is used, and when each is reached. One check a file."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

CHAPTER = Chapter(
    name="capacity",
    readers=("growth", "quotas"),
    check_ids=("quota_usage", "quota_reached", "growth_forecast"),
)
