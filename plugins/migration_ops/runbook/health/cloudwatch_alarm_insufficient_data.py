"""Alarms without data: they judge nothing, and look quiet."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(states: Facts, _: Facts, limits: Thresholds) -> Iterator[Judgement]:
    if not states["alarms"]:
        yield ok("there are no alarms")
    for alarm in states["alarms"]:
        name, state = alarm["name"], alarm["state"]
        if state == "INSUFFICIENT_DATA":
            since = f"no data since {alarm.maybe('since')}: this alarm judges nothing"
            yield warning(since, resource=name, value=state)
        else:
            yield ok(resource=name, value=state)
