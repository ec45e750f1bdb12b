"""Events that not even the dead-letter queue took. No data means none, as AWS/Events sends no zeros."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(rule: Facts, _: Facts, limits: Thresholds) -> Judgement:
    lost = sum(rule["undelivered"]["values"])
    queues = tuple(target["deadLetterArn"] for target in rule["targets"] if target.maybe("deadLetterArn"))
    evidence = queues if lost else ()
    return above(lost, limits.events.max_undelivered, "events lost", FindingVerdict.CRITICAL, evidence=evidence)
