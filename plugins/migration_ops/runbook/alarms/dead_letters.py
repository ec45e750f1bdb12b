"""Each dead letter is a lost request: one alarm a dead-letter queue.

Visible messages are a gauge sampled each minute: its maximum is the depth, its sum over a period is not. Idle queues
stop reporting, which is no fault.
"""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import AT_LEAST, Alarm, Series

SUBJECTS = "queues"


def wanted(queue: Facts, limits: Thresholds) -> list[Alarm]:
    if not queue["isDeadLetter"]:
        return []
    name = queue["name"]
    return [
        Alarm(
            kind="dead_letters",
            about=name,
            measure=Series("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": name}, "Maximum", 300),
            threshold=limits.queues.max_dead_letters + 1,
            comparison=AT_LEAST,
            route=Route.PAGE,
            description=f"Requests were lost: dead letters in {name}. Look with the incident DAG, then redrive.",
        )
    ]
