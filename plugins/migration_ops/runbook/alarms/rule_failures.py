"""EventBridge rules: invocations that failed, events that were lost, and throttling. "Failed Events" is no metric.

All three are there only when it happened. With the rule's name alone one sees the default bus; rules of other buses
have the bus as a second dimension.
"""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import ABOVE, Alarm, Series

SUBJECTS = "rules"
DEFAULT_BUS = "default"
HOUR = 3600


def wanted(rule: Facts, limits: Thresholds) -> list[Alarm]:
    name, bus = rule["name"], rule["bus"]
    dimensions = {"RuleName": name} if bus == DEFAULT_BUS else {"EventBusName": bus, "RuleName": name}
    about = (
        ("FailedInvocations", limits.events.max_failed_invocations, "calls of its targets failed in an hour"),
        ("InvocationsFailedToBeSentToDlq", 0, "events were lost: not even the dead-letter queue took them"),
        ("ThrottledRules", limits.events.max_throttled, "runs of it were throttled in an hour"),
    )
    return [
        Alarm(
            kind="rule_failures",
            about=f"{bus}/{name}/{metric}",
            measure=Series("AWS/Events", metric, dimensions, "Sum", HOUR),
            threshold=limit,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"Rule {name} of bus {bus}: more than {limit} {what}.",
        )
        for metric, limit, what in about
    ]
