"""EventBridge: delivery of rules, and open buses."""

from __future__ import annotations

from migration_ops.aws.inventory import events, events_bus
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, unknown
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT, HEALTH
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.verdicts import open_to

ENABLED = frozenset({"ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"})


@check(
    HEALTH,
    about=events.RULES,
    title="Failed invocations of rules",
    section="Monitoring & Alerts, Key Metrics to Monitor",
    unit="invocations",
    kind="buses",
    risk=(
        "A rule matched, and all retries to call its target failed: without a dead-letter queue of the "
        "target the event is lost."
    ),
    remedy=(
        "Look at the target's permission for the rule (queue or topic policy, lambda GetPolicy) and at "
        "its dead-letter queue."
    ),
)
def events_rule_failed_invocations(rule: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Invocations that failed after all retries. CloudWatch has no data for zero: no data means none."""
    failures = sum(rule["failedInvocations"]["values"])
    lost = tuple(target["arn"] for target in rule["targets"] if not target.optional("deadLetterArn"))
    evidence = tuple(f"no dead-letter queue: {arn}" for arn in lost) if failures else ()
    limit = limits.events.most_by_series["failedInvocations"]
    return above(failures, limit, "failed invocations", FindingStatus.WARNING, evidence=evidence)


@check(
    HEALTH,
    about=events.RULES,
    route=Route.PAGE,
    title="Events lost for good",
    section="Monitoring & Alerts, Key Metrics to Monitor",
    unit="events",
    kind="buses",
    risk=("Neither the target nor its dead-letter queue took the event: it is lost."),
    remedy=(
        "Fix the dead-letter queue's policy (sqs:SendMessage for events.amazonaws.com); find the lost "
        "requests in the sender's log and send them again."
    ),
)
def events_rule_undelivered(rule: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Events that not even the dead-letter queue took. No data means none, as AWS/Events sends no zeros."""
    lost = sum(rule["undelivered"]["values"])
    queues = tuple(target["deadLetterArn"] for target in rule["targets"] if target.optional("deadLetterArn"))
    evidence = queues if lost else ()
    limit = limits.events.most_by_series["undelivered"]
    return above(lost, limit, "events lost", FindingStatus.CRITICAL, evidence=evidence)


@check(
    HEALTH,
    about=events.RULES,
    title="Throttled rules",
    section="Monitoring & Alerts, Key Metrics to Monitor",
    unit="times",
    kind="buses",
    risk="EventBridge delivers events late: requests are late.",
    remedy=("Request a higher quota of invocations per second, or let the rule match fewer events."),
)
def events_rule_throttled(rule: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Times that EventBridge delayed a rule. No data means none, as AWS/Events sends no zeros."""
    seen = sum(rule["throttled"]["values"])
    return above(seen, limits.events.most_by_series["throttled"], "times throttled", FindingStatus.WARNING)


@check(
    HEALTH,
    about=events.RULES,
    title="Rules that deliver",
    section="Monitoring & Alerts, Key Metrics to Monitor",
    kind="buses",
    risk=("Events that match a disabled rule, or one without a target, are lost without a trace."),
    remedy=(
        "Enable the rule, naming its bus (enable_rule without EventBusName means the default bus), or run "
        "migration_setup to make its target again."
    ),
)
def events_rule_delivers(rule: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Rules that are disabled, or have no target: their events are lost, and no metric shows it."""
    state, targets = rule["state"], rule["targets"]
    if state == "DISABLED":
        return critical("the rule is disabled", value=state)
    if state not in ENABLED:
        return unknown(f"the rule's state is {state}", value=state)
    if not targets:
        return critical("the rule has no target", value=state)
    return ok(f"enabled, {len(targets)} targets", value=state)


@check(
    AUDIT,
    about=events_bus.BUSES,
    title="Buses that everybody may put events on",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="buses",
    severity="high",
    risk="Anybody can send MigrationRequested events, and so request migrations.",
    remedy="Name the accounts in the bus's policy, or bind it with aws:PrincipalOrgID.",
    prowler=("eventbridge_bus_exposed",),
)
def eventbridge_bus_not_public(bus: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """No policy of a bus allows everybody."""
    return open_to([("", one) for one in bus["policies"]])
