"""More waiting messages than the consumers should ever leave."""

from __future__ import annotations

from migration_ops.aws.inventory.sqs import may_take_dead_letters
from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Dead letters have a check of their own; it also says where nobody knows whether they are some."""
    if may_take_dead_letters(queue):
        return None
    return above(queue["attributes"]["visible"], limits.queues.max_visible, "waiting messages", FindingVerdict.CRITICAL)
