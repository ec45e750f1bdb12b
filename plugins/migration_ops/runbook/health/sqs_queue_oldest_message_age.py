"""How long the oldest message has been waiting: what "stuck" means."""

from __future__ import annotations

from migration_ops.aws.inventory.sqs import may_take_dead_letters
from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Of dead letters the age counts from their move and says nothing about consumers (AWS: metrics of SQS).

    The reader keeps the points of the last minutes only. None at all is usual for a queue that was idle (its metrics
    begin up to 15 minutes late): no more than a warning, unless much waits.
    """
    takes, most = may_take_dead_letters(queue), limits.queues.max_age_seconds
    if takes:
        return None
    waiting = queue["attributes"]["visible"] + queue["attributes"]["inFlight"]
    ages = queue["age"]["values"]
    if not waiting:
        return ok("nothing waits", limit=most)
    if not ages:
        said = f"{waiting} messages wait, and CloudWatch has no age of the oldest for the last minutes"
        return (warning if waiting <= limits.queues.max_visible else unknown)(said, limit=most)
    if takes is None and ages[-1] > most:
        return unknown("old messages, or dead letters: not all who may name this queue could be read", value=ages[-1])
    return above(ages[-1], most, "oldest message", FindingVerdict.CRITICAL)
