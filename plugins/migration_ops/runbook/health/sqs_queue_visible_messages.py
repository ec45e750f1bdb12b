"""More waiting messages than the consumers should ever leave."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Dead letters have a check of their own."""
    if queue["isDeadLetter"]:
        return None
    return above(queue["attributes"]["visible"], limits.queues.max_visible, "waiting messages", FindingVerdict.CRITICAL)
