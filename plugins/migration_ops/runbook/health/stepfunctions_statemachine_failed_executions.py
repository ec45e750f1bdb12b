"""Executions that failed, in the worst hour of the window."""

from __future__ import annotations

from migration_ops.runbook.executions import ended
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = ended(machine, "FAILED")
    what = f"{seen.count} failed, in the worst hour"
    limit = limits.executions.max_failed_per_hour
    return above(seen.most_in_an_hour, limit, what, FindingVerdict.WARNING, evidence=seen.evidence)
