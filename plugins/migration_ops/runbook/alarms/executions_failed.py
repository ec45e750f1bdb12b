"""Step Functions executions that did not succeed, per state machine and hour: failed, timed out and aborted together.

Each of the three metrics is there only when it happened, so what is missing counts as zero.
"""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import ABOVE, Alarm, Formula, Series

SUBJECTS = "machines"
METRICS = ("ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted")
HOUR = 3600


def wanted(machine: Facts, limits: Thresholds) -> list[Alarm]:
    dimensions = {"StateMachineArn": machine["arn"]}
    limit = limits.executions.max_failed_per_hour
    return [
        Alarm(
            kind="executions_failed",
            about=machine["name"],
            measure=Formula(
                "+".join(f"FILL(m{number},0)" for number, _ in enumerate(METRICS, start=1)),
                tuple(Series("AWS/States", metric, dimensions, "Sum", HOUR) for metric in METRICS),
            ),
            threshold=limit,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"More than {limit} executions of {machine['name']} did not succeed in an hour.",
        )
    ]
