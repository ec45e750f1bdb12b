"""Questions that nobody has answered yet, and how long they have been waiting."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(question: Facts, _: Facts, limits: Thresholds) -> Judgement:
    limit = limits.orchestrator.max_approval_wait_minutes
    return above(
        question["waitingMinutes"],
        limit,
        "without an answer",
        FindingVerdict.WARNING,
        evidence=(question.maybe("subject", ""),),
    )
