"""Executions that run longer than any should."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok
from migration_ops.core.thresholds import Thresholds


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """EXPRESS executions end within five minutes by themselves."""
    if machine["kind"] != "STANDARD":
        return None
    limit = limits.executions.max_running_minutes
    running = machine["running"]
    oldest = running["oldest"]
    if not oldest:
        return ok("none is running", limit=limit)
    late = tuple(one.plain() for one in oldest if one["ageMinutes"] > limit)
    what = f"{running['count']} running, the oldest for minutes"
    return above(max(one["ageMinutes"] for one in oldest), limit, what, FindingVerdict.CRITICAL, evidence=late)
