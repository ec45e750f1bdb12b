"""Dead letters: each is a lost request. Counted from the queue's attributes, no message is received."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    if not queue["isDeadLetter"]:
        return None
    letters = queue["attributes"]["visible"] + queue["attributes"]["inFlight"]
    return above(letters, limits.queues.max_dead_letters, "dead letters", FindingVerdict.CRITICAL)
