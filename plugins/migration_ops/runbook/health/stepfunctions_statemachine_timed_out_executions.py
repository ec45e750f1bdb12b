"""Executions that took longer than they may: their status is not FAILED."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.executions import ended


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = ended(machine, "TIMED_OUT")
    limit = limits.executions.max_timed_out
    return above(seen.count, limit, "timed out", FindingVerdict.WARNING, evidence=seen.evidence)
