"""The kinds of alarm: what is watched, beyond which limit, whom it notifies. Each is a function named by its kind."""

from __future__ import annotations

from migration_ops.aws.inventory.events import DEFAULT_BUS, METRICS
from migration_ops.aws.inventory.stepfunctions import BAD_ENDS
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import Route
from migration_ops.core.states import NEEDS_REPLICATION
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import ABOVE, AT_LEAST, BAD, Alarm, Formula, Series
from migration_ops.runbook.alarms.registry import alarm

HOUR = 3600
IN_FIRST_SYNC = "NOT_READY"
PERIOD_SECONDS = 300
# By series of the inventory, for the alarm's description.
RULE_TROUBLE = {
    "failedInvocations": "calls of its targets failed in an hour",
    "undelivered": "events were lost in an hour: not even the dead-letter queue took them",
    "throttled": "runs of it were throttled in an hour",
}


@alarm(subjects="queues", route=Route.PAGE)
def dead_letters(queue: Snapshot, limits: Thresholds) -> list[Alarm]:
    """Each dead letter is a lost request: one alarm per dead-letter queue.

    SQS samples the number of visible messages each minute: the maximum is the depth, a sum over a period is not. Idle
    queues stop reporting, which is no fault.
    """
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
            description=f"Requests were lost: dead letters in {name}. Fix their consumer, then redrive.",
        )
    ]


@alarm(subjects="migrations", route=Route.WARN, with_waves=True)
def replication_lag(migration: Snapshot, limits: Thresholds) -> list[Alarm]:
    """Replication lag: one alarm per source server on its way to cutover, from the end of its first sync.

    A server that reports no lag does not replicate: while replication is needed, missing data is a fault. No alarm is
    wanted before the first snapshot (MGN calls the server NOT_READY and has no lag to report), nor from the cutover's
    launch on (the source may be stopped). As it comes and goes with its wave, scheduled runs of ``runbook_alarms`` make
    and delete it.
    """
    if migration["phase"] not in NEEDS_REPLICATION:
        return []
    # A server without these members is one that MGN does not list: it gets its alarm, for the missing data.
    if migration.optional("lifecycleState") == IN_FIRST_SYNC or migration.optional("isArchived", False):
        return []
    server, limit = migration["sourceServerId"], limits.migrations.max_lag_seconds
    return [
        Alarm(
            kind="replication_lag",
            about=server,
            measure=Series("AWS/MGN", "LagDuration", {"SourceServerID": server}, "Maximum", 300),
            threshold=limit,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"{server} of wave {migration['wave']} lags more than {limit} s, or does not report.",
            missing=BAD,
            # One late data point is no stall.
            periods=2,
        )
    ]


def series(name: str) -> tuple[Series, Series]:
    """``m1`` errors and ``m2`` invocations."""
    dimensions = {"FunctionName": name}
    errors, calls = (
        Series("AWS/Lambda", metric, dimensions, "Sum", PERIOD_SECONDS) for metric in ("Errors", "Invocations")
    )
    return errors, calls


@alarm(subjects="functions", route=Route.PAGE)
def function_error_rate(function: Snapshot, limits: Thresholds) -> list[Alarm]:
    """Lambda error rate: one alarm per function. Below a number of calls there is no rate: one of two is not 50 %."""
    name, least = function["name"], limits.functions.min_invocations
    return [
        Alarm(
            kind="function_error_rate",
            about=name,
            # `least` is at least 1: nothing is divided by zero.
            measure=Formula(f"IF(m2>={least},100*m1/m2,0)", series(name)),
            threshold=limits.functions.max_error_percent,
            comparison=ABOVE,
            route=Route.PAGE,
            description=f"More than {limits.functions.max_error_percent:g} % of the calls of {name} fail.",
        )
    ]


@alarm(subjects="functions", route=Route.WARN)
def function_few_calls(function: Snapshot, limits: Thresholds) -> list[Alarm]:
    """Errors of a function that is called too seldom for a rate: any error warns, or nobody would hear of it."""
    name, least = function["name"], limits.functions.min_invocations
    return [
        Alarm(
            kind="function_few_calls",
            about=name,
            measure=Formula(f"IF(m2<{least},m1,0)", series(name)),
            threshold=0,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"{name} failed, with fewer than {least} calls in five minutes.",
        )
    ]


@alarm(subjects="machines", route=Route.WARN)
def executions_failed(machine: Snapshot, limits: Thresholds) -> list[Alarm]:
    """Step Functions executions that did not succeed, per state machine and hour: failed, timed out, aborted.

    Each has the limit of its check. CloudWatch has the metrics only when it happened, so what is missing is zero.
    """
    name = machine["name"]
    about = [(status, metric, limits.executions.most_by_status[status]) for status, metric in BAD_ENDS.items()]
    return [
        Alarm(
            kind="executions_failed",
            about=f"{name}/{metric}",
            measure=Series("AWS/States", metric, {"StateMachineArn": machine["arn"]}, "Sum", HOUR),
            threshold=limit,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"More than {limit} executions of {name} ended as {status} in an hour.",
        )
        for status, metric, limit in about
    ]


# Rules are listed by bus: when that fails, all alarms of the bus are in doubt.
@alarm(subjects="rules", route=Route.WARN, group="bus")
def rule_failures(rule: Snapshot, limits: Thresholds) -> list[Alarm]:
    """EventBridge rules: failed invocations, lost events, and throttling. The runbook's "Failed Events" is no metric.

    EventBridge sends the three metrics only when they are not zero. Rules of the default bus have the dimension
    RuleName alone; those of other buses have EventBusName too.
    """
    name, bus = rule["name"], rule["bus"]
    dimensions = {"RuleName": name} if bus == DEFAULT_BUS else {"EventBusName": bus, "RuleName": name}
    most = limits.events.most_by_series
    about = [(metric, most[series], RULE_TROUBLE[series]) for series, metric in METRICS.items()]
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


@alarm(subjects="tables", route=Route.WARN)
def table_throttles(table: Snapshot, limits: Thresholds) -> list[Alarm]:
    """Throttling of the ledger's table and of each index: a hot key of an index throttles the table's writes."""
    name = table["name"]
    parts = {name: {"TableName": name}} | {
        f"{name}/{index}": {"TableName": name, "GlobalSecondaryIndexName": index} for index in table["indexes"]
    }
    return [
        Alarm(
            kind="table_throttles",
            about=f"{part}/{metric}",
            measure=Series("AWS/DynamoDB", metric, dimensions, "Sum", 300),
            threshold=limits.table.max_throttle_events,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"{part} is throttled ({metric}).",
        )
        for part, dimensions in parts.items()
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents")
    ]
