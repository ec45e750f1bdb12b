"""Alarms that are in ALARM now, each by its own route; and whether there are any alarms."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, Route, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.wanted import route_of


def judge(states: Facts, _: Facts, limits: Thresholds) -> Iterator[Judgement]:
    if not states["alarms"]:
        yield warning("there are no alarms: between two health checks nobody is notified")
    for alarm in states["alarms"]:
        name, state = alarm["name"], alarm["state"]
        if state == "ALARM":
            yield _in_alarm(alarm, _route(states, alarm))
        elif state == "OK":
            yield ok(resource=name, value=state)
        elif state == "INSUFFICIENT_DATA":
            # It has a check of its own; here it is no sign that what rang before is over.
            yield ok("it has no data", resource=name, value=state, conclusive=False)
        else:
            yield unknown(f"its state is {state}", resource=name, value=state)


def _in_alarm(alarm: Facts, route: Route) -> Judgement:
    """What only warns when it rings by itself wakes nobody by way of this check."""
    evidence: tuple[str, ...] = (f"since {alarm.maybe('since')}",)
    if alarm.maybe("actionsEnabled") is False:
        evidence += ("its actions are disabled: it notified nobody",)
    return Judgement(
        FindingVerdict.CRITICAL if route is Route.PAGE else FindingVerdict.WARNING,
        alarm.maybe("reason", "in ALARM"),
        resource=alarm["name"],
        value=alarm["state"],
        evidence=evidence,
        route=route,
    )


def _route(states: Facts, alarm: Facts) -> Route:
    """An alarm of ours by its kind; any other by the topics that it tells, where one of them is ours."""
    own = route_of(alarm["name"])
    if own is not None:
        return own
    topics = alarm.maybe("topics", [])
    only_warns = states.maybe("warningsTopic") in topics and states.maybe("onCallTopic") not in topics
    return Route.WARN if only_warns else Route.PAGE
