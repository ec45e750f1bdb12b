"""More messages in the hands of consumers than there should be consumers."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = queue["attributes"]["inFlight"]
    return above(seen, limits.queues.max_in_flight, "messages in flight", FindingVerdict.WARNING)
