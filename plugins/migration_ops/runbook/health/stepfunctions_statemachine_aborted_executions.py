"""Executions that somebody stopped."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.executions import ended


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = ended(machine, "ABORTED")
    return above(seen.count, limits.executions.max_aborted, "aborted", FindingVerdict.WARNING, evidence=seen.evidence)
