"""Executions that somebody stopped."""

from __future__ import annotations

from migration_ops.runbook.executions import ended
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = ended(machine, "ABORTED")
    return above(seen.count, limits.executions.max_aborted, "aborted", FindingVerdict.WARNING, evidence=seen.evidence)
