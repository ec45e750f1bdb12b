"""More waiting messages than the consumers should ever leave."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Dead letters have a check of their own."""
    if queue["isDeadLetter"]:
        return None
    return above(queue["attributes"]["visible"], limits.queues.max_visible, "waiting messages", FindingVerdict.CRITICAL)
