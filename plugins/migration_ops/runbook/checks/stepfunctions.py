"""State machines: executions that failed, are stuck or slow; logging, secrets, time-outs and retries."""

from __future__ import annotations

from migration_ops.aws.inventory import (
    stepfunctions,
    stepfunctions_audit,
    stepfunctions_definitions,
    stepfunctions_performance,
)
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, ok, unknown, warning
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import AUDIT, HEALTH, PERFORMANCE
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.executions import ended
from migration_ops.runbook.checks.verdicts import judge_secrets

MS_A_MINUTE = 60_000
FAULTS = {"hasRetry": "no retry", "hasBackoff": "no backoff", "hasJitter": "no jitter"}


@check(
    HEALTH,
    about=stepfunctions.STATE_MACHINES,
    title="Failed executions",
    section="Daily Operations, 3. Step Functions Execution Monitoring",
    unit="executions",
    kind="stateMachines",
    risk="Each failed execution is a migration that stopped where it failed.",
    remedy=(
        "Read error and last events in the evidence, fix the cause, then redrive the execution: it "
        "continues from the state that failed."
    ),
)
def stepfunctions_statemachine_failed_executions(machine: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Executions that failed, in the worst hour of the window."""
    seen = ended(machine, "FAILED")
    what = f"{seen.count} failed, in the worst hour"
    limit = limits.executions.most_by_status["FAILED"]
    return above(seen.most_in_an_hour, limit, what, FindingStatus.WARNING, evidence=seen.evidence)


@check(
    HEALTH,
    about=stepfunctions.STATE_MACHINES,
    title="Timed-out executions",
    section="Daily Operations, 3. Step Functions Execution Monitoring",
    unit="executions",
    kind="stateMachines",
    risk="The execution has ended as if it had failed, but the list of failed executions does not show it.",
    remedy=(
        "Find the state that took so long in the last events. A longer time-out does not change executions "
        "that already run; a redrive continues from the state."
    ),
)
def stepfunctions_statemachine_timed_out_executions(machine: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Executions that took longer than they may: their status is not FAILED."""
    seen = ended(machine, "TIMED_OUT")
    limit = limits.executions.most_by_status["TIMED_OUT"]
    return above(seen.count, limit, "timed out", FindingStatus.WARNING, evidence=seen.evidence)


@check(
    HEALTH,
    about=stepfunctions.STATE_MACHINES,
    title="Aborted executions",
    section="Daily Operations, 3. Step Functions Execution Monitoring",
    unit="executions",
    kind="stateMachines",
    risk="Somebody stopped a migration in progress; the MGN job that it started continues.",
    remedy=("Ask who stopped it (CloudTrail: StopExecution), and look at the server's job in MGN."),
)
def stepfunctions_statemachine_aborted_executions(machine: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Executions that somebody stopped."""
    seen = ended(machine, "ABORTED")
    limit = limits.executions.most_by_status["ABORTED"]
    return above(seen.count, limit, "aborted", FindingStatus.WARNING, evidence=seen.evidence)


@check(
    HEALTH,
    about=stepfunctions.STATE_MACHINES,
    route=Route.PAGE,
    title="Stuck executions",
    section="Daily Operations, 3. Step Functions Execution Monitoring",
    unit="min",
    kind="stateMachines",
    risk="It waits for something that may never happen, and so does its migration.",
    remedy=(
        "Look at its last events and at what that state waits for. Stopping it does not stop the MGN job "
        "that it started."
    ),
)
def stepfunctions_statemachine_stuck_executions(
    machine: Snapshot, _: Snapshot, limits: Thresholds
) -> CheckResult | None:
    """EXPRESS executions end within five minutes by themselves."""
    if machine["kind"] != "STANDARD":
        return None
    limit = limits.executions.max_running_minutes
    running = machine["running"]
    oldest = running["oldest"]
    if not oldest:
        return ok("none is running", limit=limit)
    late = tuple(one.plain() for one in oldest if one["ageMinutes"] > limit)
    what = f"{running['count']} running, the oldest"
    return above(max(one["ageMinutes"] for one in oldest), limit, what, FindingStatus.CRITICAL, evidence=late)


@check(
    HEALTH,
    about=stepfunctions.STATE_MACHINES,
    title="Throttled state transitions",
    section="Daily Operations, 3. Step Functions Execution Monitoring",
    unit="transitions",
    kind="stateMachines",
    risk="State transitions are delayed: executions take longer, and may time out.",
    remedy="Start executions more slowly, or request a higher quota of state transitions.",
)
def stepfunctions_statemachine_throttled(machine: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """State transitions that Step Functions delayed because of a quota."""
    throttled = sum(machine["metrics"]["throttled"]["values"])
    return above(throttled, limits.executions.max_throttled, "throttled transitions", FindingStatus.WARNING)


@check(
    AUDIT,
    about=stepfunctions_audit.MACHINES,
    route=Route.PAGE,
    title="Secrets in definitions of state machines",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    unit="secrets",
    kind="stateMachines",
    severity="critical",
    risk="Whoever may read the state machine or an execution has the secret.",
    remedy=("Rotate the secret now: it was readable. Let the task read it from Secrets Manager when it runs."),
    prowler=("stepfunctions_statemachine_no_secrets_in_definition",),
)
def stepfunctions_machine_no_secrets_in_definition(machine: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """A definition holds no secrets; they are read when a task runs."""
    return judge_secrets(machine["secrets"], "none in the definition")


@check(
    AUDIT,
    about=stepfunctions_audit.MACHINES,
    title="State machines that log",
    section="Maintenance Tasks, Monthly 1. Security Audit",
    kind="stateMachines",
    severity="medium",
    risk=("Without a log, nothing is kept of an EXPRESS execution, and nothing of a STANDARD one after 90 days."),
    remedy=("Set the state machine's loggingConfiguration to at least ERROR, with a log group of its own."),
    prowler=("stepfunctions_statemachine_logging_enabled",),
)
def stepfunctions_machine_logging(machine: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """The executions of a state machine are logged."""
    level = machine["logLevel"]
    if level == "OFF":
        return warning("nothing is logged", value=level, limit="ERROR")
    return ok("", value=level, limit="ERROR")


@check(
    PERFORMANCE,
    about=stepfunctions_performance.STATE_MACHINES,
    title="Execution time",
    section="Performance Tuning, Step Functions Optimization",
    unit="min",
    kind="stateMachines",
    risk="An execution that takes so long usually waits for something, and nobody sees for what.",
    remedy=(
        "Look at the longest executions' histories; give each state a time-out, and its retries back-off with jitter."
    ),
)
def states_execution_duration(machine: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """State machines whose p99 execution time is too long."""
    ended = sum(total(series) for series in machine["ended"])
    worst = {key: worst_day(machine["executionTime"][key]) for key in ("p50", "p95", "p99")}
    slowest = worst["p99"]
    if slowest is None:
        if ended:
            return unknown(f"{ended:.0f} executions ended, and CloudWatch has no execution time")
        return ok("no execution ended in the window")
    minutes = {key: round((value or 0) / MS_A_MINUTE, 2) for key, value in worst.items()}
    most = limits.performance.max_execution_minutes
    return above(minutes["p99"], most, "p99 of the slowest day", FindingStatus.WARNING, evidence=(minutes,))


@check(
    PERFORMANCE,
    about=stepfunctions_performance.STATE_MACHINES,
    title="Transitions per execution",
    section="Performance Tuning, Step Functions Optimization",
    unit="transitions",
    kind="stateMachines",
    risk="STANDARD executions cost money by transition, and fail at 25,000 events.",
    remedy=("Replace polling loops by .sync or a task token, merge small tasks, or use a distributed Map."),
)
def states_transitions_per_execution(machine: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """STANDARD executions only: EXPRESS ones are billed by time, not by transition."""
    if machine["kind"] != "STANDARD":
        return None
    latest = machine["latest"]
    if not latest:
        return ok("no execution has succeeded so far")
    counts = {one["name"]: one["transitions"] for one in latest}
    most = limits.performance.max_transitions_per_execution
    said = f"the longest of {len(counts)} executions"
    return above(max(counts.values()), most, said, FindingStatus.WARNING, evidence=(counts,))


@check(
    PERFORMANCE,
    about=stepfunctions_definitions.STATE_MACHINES,
    title="Tasks without a time-out",
    section="Performance Tuning, Step Functions Optimization",
    unit="tasks",
    kind="stateMachines",
    risk=("A task that never answers stops its execution: by default Step Functions waits almost forever."),
    remedy=(
        "Give each task TimeoutSeconds a little above the longest time it needed. A change does not affect "
        "executions that already run."
    ),
)
def states_task_timeouts(machine: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Tasks without a limit of time: neither they nor the whole execution has a time-out."""
    tasks = machine["tasks"]
    endless = [one["name"] for one in tasks if not one["hasTimeout"]]
    if endless and not machine["hasTimeout"]:
        return warning("tasks without a time-out", value=len(endless), limit=0, evidence=tuple(endless))
    return ok(f"all of {len(tasks)} tasks have a limit of time", value=0, limit=0)


@check(
    PERFORMANCE,
    about=stepfunctions_definitions.STATE_MACHINES,
    title="Tasks without retries with backoff and jitter",
    section="Performance Tuning, Step Functions Optimization",
    unit="tasks",
    kind="stateMachines",
    risk=("One throttled call fails a whole execution; retries without backoff and jitter come back all at once."),
    remedy=("Give each task a Retry with a BackoffRate above 1 and JitterStrategy FULL, for errors that may pass."),
)
def states_task_retries(machine: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult:
    """Tasks that fail at the first error, or that retry all at once."""
    tasks = machine["tasks"]
    found = [fault for fault in (_fault(one) for one in tasks) if fault]
    if found:
        return warning("tasks without such retries", value=len(found), limit=0, evidence=tuple(found))
    return ok(f"{len(tasks)} tasks are retried with backoff and jitter", value=0, limit=0)


def _fault(task: Snapshot) -> str | None:
    fault = next((text for name, text in FAULTS.items() if not task[name]), None)
    return f"{task['name']}: {fault}" if fault else None
