"""Alarms that are in ALARM now; and whether there are any alarms."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds

# The other one that is no alarm has its own check.
QUIET = frozenset({"OK", "INSUFFICIENT_DATA"})


def judge(states: Facts, _: Facts, limits: Thresholds) -> Iterator[Judgement]:
    if not states["alarms"]:
        yield warning("there are no alarms: between two health checks nobody is told")
    for alarm in states["alarms"]:
        name, state = alarm["name"], alarm["state"]
        if state == "ALARM":
            evidence: tuple[str, ...] = (f"since {alarm.maybe('since')}",)
            if alarm.maybe("actionsEnabled") is False:
                evidence += ("its actions are disabled: it told nobody",)
            yield critical(alarm.maybe("reason", "in ALARM"), resource=name, value=state, evidence=evidence)
        elif state in QUIET:
            yield ok(resource=name, value=state)
        else:
            yield unknown(f"its state is {state}", resource=name, value=state)
