"""Executions that failed, in the worst hour of the window."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.executions import ended


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = ended(machine, "FAILED")
    what = f"{seen.count} failed, most in an hour"
    limit = limits.executions.max_failed_per_hour
    return above(seen.most_in_an_hour, limit, what, FindingVerdict.WARNING, evidence=seen.evidence)
