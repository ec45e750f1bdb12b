"""How long the oldest message has been waiting: what "stuck" means."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Of dead letters the age counts from their move and says nothing about consumers (AWS: metrics of SQS)."""
    if queue["isDeadLetter"]:
        return None
    waiting = queue["attributes"]["visible"] + queue["attributes"]["inFlight"]
    ages = queue["age"]["values"]
    if not waiting:
        return ok("nothing waits", limit=limits.queues.max_age_seconds)
    if not ages:
        return unknown(f"{waiting} messages wait, and CloudWatch has no age of the oldest")
    return above(ages[-1], limits.queues.max_age_seconds, "oldest message", FindingVerdict.CRITICAL)
