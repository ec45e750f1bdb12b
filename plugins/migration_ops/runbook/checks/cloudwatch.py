"""Alarms, the dashboard, and log groups."""

from __future__ import annotations

from collections.abc import Iterator

from migration_ops.aws.inventory import cloudwatch, logs_groups
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.wanted import route_of
from migration_ops.runbook.checks.chapters import AUDIT, HEALTH
from migration_ops.runbook.checks.check import check


@check(
    HEALTH,
    about=cloudwatch.STATES,
    route=Route.PAGE,
    title="Alarms in ALARM",
    section="Daily Operations, 1. Health Check",
    kind="alarms",
    risk="CloudWatch sees something beyond its limit now.",
    remedy=("Open the alarm and follow the runbook for what it watches; runbook_alarms makes missing alarms."),
)
def cloudwatch_alarm_in_alarm(states: Snapshot, _: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """Alarms that are in ALARM now, each by its own route; a WARNING when there are no alarms."""
    if not states["alarms"]:
        yield warning("there are no alarms: between two health checks nobody is notified")
    for alarm in states["alarms"]:
        name, state = alarm["name"], alarm.optional("state")
        if state == "ALARM":
            yield _in_alarm(alarm, _route(states, alarm))
        elif state == "OK" and alarm.optional("evaluation"):
            # It keeps the state that it had; the check of alarms without data says so.
            yield ok("it cannot be evaluated", resource=name, value=state, conclusive=False)
        elif state == "OK":
            yield ok(resource=name, value=state)
        elif state == "INSUFFICIENT_DATA":
            # It has a check of its own; here it does not show that an earlier ALARM is over.
            yield ok("it has no data", resource=name, value=state, conclusive=False)
        else:
            yield unknown(f"its state is {state}", resource=name, value=state)


def _in_alarm(alarm: Snapshot, route: Route) -> CheckResult:
    """An alarm that only warns pages nobody by this check either."""
    evidence: tuple[str, ...] = (f"since {alarm.optional('since')}",)
    if alarm.optional("actionsEnabled") is False:
        evidence += ("its actions are disabled: it notified nobody",)
    if alarm.optional("suppressedBy"):
        evidence += (f"its actions are suppressed ({alarm['suppressedBy']}): it notified nobody",)
    return CheckResult(
        FindingStatus.CRITICAL if route is Route.PAGE else FindingStatus.WARNING,
        alarm.optional("reason", "in ALARM"),
        resource=alarm["name"],
        value=alarm["state"],
        evidence=evidence,
        route=route,
    )


def _route(states: Snapshot, alarm: Snapshot) -> Route:
    """For an alarm of ours by its kind; for another by the topics it notifies, where one is ours; else it pages."""
    own = route_of(alarm["name"])
    if own is not None:
        return own
    topics = alarm.optional("topics", [])
    only_warns = states.optional("warningsTopic") in topics and states.optional("onCallTopic") not in topics
    return Route.WARN if only_warns else Route.PAGE


@check(
    HEALTH,
    about=cloudwatch.STATES,
    title="Alarms without data",
    section="Daily Operations, 1. Health Check",
    kind="alarms",
    risk="An alarm without data watches nothing, and looks as if all were well.",
    remedy=(
        "Look at its metric's dimensions: a metric that does not exist never has data. runbook_alarms "
        "shows the wanted alarm."
    ),
)
def cloudwatch_alarm_insufficient_data(states: Snapshot, _: Snapshot, limits: Thresholds) -> Iterator[CheckResult]:
    """Alarms without data, or that CloudWatch cannot evaluate: they watch nothing."""
    if not states["alarms"]:
        yield ok("there are no alarms")
    for alarm in states["alarms"]:
        name, state, evaluation = alarm["name"], alarm.optional("state"), alarm.optional("evaluation")
        if state == "INSUFFICIENT_DATA":
            since = f"no data since {alarm.optional('since')}: this alarm watches nothing"
            yield warning(since, resource=name, value=state)
        elif evaluation:
            why = f"CloudWatch cannot evaluate it ({evaluation}): this alarm watches nothing"
            yield warning(why, resource=name, value=evaluation)
        elif state is None:
            yield unknown("its state was not answered", resource=name)
        else:
            yield ok(resource=name, value=state)


@check(
    HEALTH,
    about=cloudwatch.DASHBOARDS,
    title="The dashboard shows data",
    section="Daily Operations, 1. Health Check",
    unit="series with data",
    risk="People look at a dashboard that cannot show a fault.",
    remedy=(
        "Run migration_setup to make the dashboard again; if it exists, compare its names and dimensions "
        "with the metrics that are sent."
    ),
)
def cloudwatch_dashboard_data(dashboard: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """One series without data may be fine: throttles are sent only when there are some. All without data is a fault."""
    if not dashboard["exists"]:
        return unknown("the dashboard that migration_setup makes is not there")
    series = dashboard["series"]
    if not series:
        return unknown("it has no metric that could be read here")
    filled = [one for one in series if one["points"]]
    seen = f"{len(filled)} of {len(series)} series have data in {dashboard['hours']} h"
    if not filled:
        return warning(seen, value=0, limit=1, evidence=tuple(one["label"] for one in series))
    return ok(seen, value=len(filled), limit=1)


@check(
    AUDIT,
    about=logs_groups.GROUPS,
    route=Route.PAGE,
    title="Secrets in log lines",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="streams",
    severity="critical",
    risk=("Logs are read by more people than secrets, are kept for months, and are copied elsewhere."),
    remedy=("Rotate the secret now: it was readable. Stop the code that logs it, then delete the stream."),
    prowler=("cloudwatch_log_group_no_secrets_in_logs",),
)
def logs_group_no_secrets(group: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Judges a sample: the first lines of the last day. Other lines are not judged."""
    found, sampled = group["secrets"], group["sampled"]
    if not found:
        return ok(f"none in a sample of {sampled} lines", value=0, limit=0)
    kinds = sorted({kind for one in found for kind in one["kinds"]})
    streams = tuple(one["stream"] for one in found[:10])
    seen = f"in {len(found)} streams of a sample of {sampled} lines: {', '.join(kinds)}"
    return critical(seen, value=len(found), limit=0, evidence=streams)
