"""Questions that nobody has answered yet, and how long they have been waiting."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(question: Facts, _: Facts, limits: Thresholds) -> Judgement:
    limit = limits.orchestrator.max_approval_wait_minutes
    return above(
        question["waitingMinutes"],
        limit,
        "minutes without an answer",
        FindingVerdict.WARNING,
        evidence=(question.maybe("subject", ""),),
    )
