"""Functions: errors, throttles, log lines, time and memory, runtimes."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory import lambda_functions, lambda_performance, lambda_runtimes_used, logs
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, unknown, warning
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.chapters import HEALTH, PERFORMANCE, WEEKLY
from migration_ops.runbook.checks.check import check
from migration_ops.runbook.checks.lambda_security import lambda_function_supported_runtime
from migration_ops.runbook.checks.sizing import CPU_NOTE, LEAST_MB, proposed_mb


@check(
    HEALTH,
    about=lambda_functions.FUNCTIONS,
    route=Route.PAGE,
    title="Function errors",
    section="Daily Operations, 1. Health Check",
    unit="%",
    kind="functions",
    risk=("Steps of migrations fail; requests are retried and then become dead letters."),
    remedy=(
        "Read the function's log, roll back its last deployment if the errors began with it, and look at its "
        "dead letters."
    ),
)
def lambda_function_error_rate(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Below ``minInvocations`` any error is a WARNING: one of two would be 50 %, and page somebody."""
    guard, limit = limits.functions.min_invocations, limits.functions.max_error_percent
    counted = function["errors"]["values"]
    invocations, errors = sum(function["invocations"]["values"]), sum(counted)
    if not invocations and not errors:
        return ok("not invoked", limit=limit)
    if not counted:
        # Lambda sends Errors, also 0, with each invocation: no data point means that nobody knows.
        return unknown(f"{invocations:g} invocations, and CloudWatch has no Errors of them")
    said = f"{errors:g} of {invocations:g} invocations failed"
    if invocations >= guard:
        rate = 100 * errors / invocations
        return above(rate, limit, said, FindingStatus.CRITICAL, evidence=_times(function))
    if errors:
        return warning(f"{said}, fewer than {guard} make no rate", limit=limit, evidence=_times(function))
    return ok(said, value=0, limit=limit)


def _times(function: Snapshot) -> tuple[str, ...]:
    """The last times at which there were errors."""
    pairs = zip(function["errors"]["times"], function["errors"]["values"], strict=True)
    return tuple(f"{at}: {errors:g} errors" for at, errors in pairs if errors)[-5:]


@check(
    HEALTH,
    about=lambda_functions.FUNCTIONS,
    title="Throttled invocations",
    section="Daily Operations, 1. Health Check",
    unit="invocations",
    kind="functions",
    risk="Events wait for a retry, and are lost when they get too old.",
    remedy=(
        "Look at the function's reserved concurrency (above it invocations are throttled) and at the "
        "account's concurrency limit."
    ),
)
def lambda_function_throttles(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Throttled invocations. No data point means none."""
    throttles = sum(function["throttles"]["values"])
    return above(throttles, limits.functions.max_throttles, "throttled invocations", FindingStatus.WARNING)


@check(
    HEALTH,
    about=lambda_functions.FUNCTIONS,
    also=(logs.ALL,),
    title="Errors in the logs",
    section="Daily Operations, 1. Health Check",
    unit="lines",
    kind="functions",
    risk="Errors that a function handles and logs do not count as failed invocations.",
    remedy=(
        "Read the lines around the evidence in its log stream, with the correlation id in CloudWatch Logs Insights."
    ),
)
def lambda_function_log_errors(function: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult:
    """Lines of a function's log that report errors, as evidence beside its metrics."""
    name, limit = function["logGroup"], limits.functions.max_log_errors
    group = next((one for one in estate.path("logs.groups") if one["name"] == name), None)
    if group is None:
        return _absent(function, estate, limit)
    errors = group["errors"]
    what = f"{'at least ' if errors['isCut'] else ''}lines with errors in {name}"
    lines = tuple(one.plain() for one in errors["lines"])
    return above(errors["count"], limit, what, FindingStatus.WARNING, evidence=lines)


def _absent(function: Snapshot, estate: Snapshot, limit: int) -> CheckResult:
    """Lambda makes the group with the first line: a function that was never invoked has none."""
    name = function["logGroup"]
    if not name.startswith(tuple(estate.path("logs.prefixes"))):
        return unknown(f"its log group {name} begins with none of logGroupPrefixes in resources.yaml")
    invocations = sum(function["invocations"]["values"])
    if invocations:
        return unknown(f"{invocations:g} invocations, and its log group {name} does not exist")
    return ok(f"not invoked, and has no log group {name}", limit=limit)


@check(
    PERFORMANCE,
    about=lambda_performance.FUNCTIONS,
    title="p99 duration compared with the time-out",
    section="Performance Tuning, Lambda Optimization",
    unit="%",
    kind="functions",
    risk="The slowest invocations are cut off in the middle of their work.",
    remedy=(
        "Find what is slow in the slowest traces before raising the time-out. The visibility timeout of a "
        "queue that feeds the function must be longer (AWS advises six times the function's time-out)."
    ),
)
def lambda_duration_near_timeout(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Functions whose p99 duration comes near their time-out. Averages hide that."""
    if not total(function["invocations"]):
        return ok("not invoked in the window")
    worst = {key: worst_day(function["duration"][key]) for key in ("p50", "p95", "p99", "max")}
    slowest = worst["p99"]
    if slowest is None:
        return unknown("it was invoked, and CloudWatch has no duration")
    timeout_ms, most = function["timeoutMs"], limits.performance.max_p99_of_timeout_percent
    percent = round(100 * slowest / timeout_ms, 1)
    said = f"p99 of the slowest day is {slowest:.0f} ms, the time-out {timeout_ms} ms"
    seen = {"value": percent, "limit": most, "evidence": ({"msOfTheSlowestDay": worst},)}
    if percent >= 100:
        return critical(f"{said}: one invocation in a hundred or more times out", **seen)
    return warning(said, **seen) if percent > most else ok(said, **seen)


@check(
    PERFORMANCE,
    about=lambda_performance.FUNCTIONS,
    title="Memory used up",
    section="Performance Tuning, Lambda Optimization",
    unit="%",
    kind="functions",
    risk=("The function is killed in the middle of its work (Runtime.ExitError, signal: killed)."),
    remedy=("Set the proposed memory size and look at the next REPORT lines; layers do not lower memory."),
)
def lambda_memory_too_small(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Functions that nearly use up their memory, by their own REPORT lines; at the limit they are killed."""
    if not total(function["invocations"]):
        return ok("not invoked in the window")
    memory, size = function["memory"], function["memoryMb"]
    used = memory.optional("maxUsedMb")
    if used is None:
        return unknown(f"it was invoked, and its log has no REPORT line with {size} MB")
    percent, most = round(100 * used / size, 1), limits.performance.max_memory_used_percent
    said = f"{used} of {size} MB used at most, by {memory['lines']} REPORT lines"
    if percent < most:
        return ok(said, value=percent, limit=most)
    proposal = proposed_mb(used)
    seen = {"value": percent, "limit": most, "evidence": ({"proposedMb": proposal, "note": CPU_NOTE},)}
    if used >= size:
        return critical(f"{said}: it was killed, or next time will be; try {proposal} MB", **seen)
    return warning(f"{said}; try {proposal} MB", **seen)


@check(
    PERFORMANCE,
    about=lambda_performance.FUNCTIONS,
    title="Memory that is not used",
    section="Performance Tuning, Lambda Optimization",
    unit="%",
    kind="functions",
    risk="Memory costs money and is not used.",
    remedy=(
        "Try the proposed size where p95 allows it; undo it when the duration grows more than the price "
        "falls. The runbook's rule of three times the use does not fit every function."
    ),
)
def lambda_memory_too_large(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Functions that use a small part of their memory size. The evidence proposes a size."""
    if not total(function["invocations"]):
        return ok("not invoked in the window")
    memory, size = function["memory"], function["memoryMb"]
    used = memory.optional("maxUsedMb")
    if used is None:
        return unknown(f"it was invoked, and its log has no REPORT line with {size} MB")
    percent, least = round(100 * used / size, 1), limits.performance.min_memory_used_percent
    said = f"{used} of {size} MB used at most, by {memory['lines']} REPORT lines"
    if percent >= least or size <= LEAST_MB:
        return ok(said, value=percent, limit=least)
    proposal = {"proposedMb": proposed_mb(used), "presentMb": size, "isSample": memory["isSample"], "note": CPU_NOTE}
    return warning(f"{said}; try {proposed_mb(used)} MB", value=percent, limit=least, evidence=(proposal,))


@check(
    PERFORMANCE,
    about=lambda_performance.FUNCTIONS,
    title="Reserved concurrency reached",
    section="Performance Tuning, Lambda Optimization",
    unit="at once",
    kind="functions",
    risk=("Above the reserved concurrency invocations are throttled; asynchronous ones are retried, then lost."),
    remedy=("Raise or remove the reservation, or limit the function by the queue's maximum concurrency."),
)
def lambda_reserved_concurrency_reached(function: Snapshot, _: Snapshot, __: Thresholds) -> CheckResult | None:
    """Functions that reach their reserved concurrency. Above it they are throttled."""
    reserved = function["concurrency"].optional("ReservedConcurrentExecutions")
    if reserved is None:
        return None
    if reserved == 0:
        return warning("nothing may run: its reserved concurrency is 0", value=0, limit=0)
    peak = worst_day(function["concurrent"]) or 0
    said = f"at most {peak:.0f} at once, {reserved} reserved"
    throttled = total(function["throttles"])
    if peak >= reserved:
        return warning(said, value=peak, limit=reserved, evidence=({"throttles": throttled},))
    return ok(said, value=peak, limit=reserved)


@check(
    PERFORMANCE,
    about=lambda_performance.FUNCTIONS,
    title="Provisioned concurrency that is not used",
    section="Performance Tuning, Lambda Optimization",
    unit="%",
    kind="functions",
    risk="Provisioned concurrency costs money by the hour, used or not.",
    remedy=("Let callers name the version or alias that has it (not $LATEST), lower it, or remove it."),
)
def lambda_provisioned_concurrency_unused(function: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Unused provisioned concurrency. It belongs to a version or alias: callers of ``$LATEST`` do not use it."""
    configs = [_seen(one) for one in function["provisioned"]]
    if not configs:
        return None
    broken = [one for one in configs if one["status"] == "FAILED"]
    if broken:
        return warning("it could not be provided", evidence=tuple(broken))
    least = limits.performance.min_provisioned_used_percent
    idle = min(configs, key=lambda one: float(one["usedPercent"]))
    said = f"{idle['qualifier']}: {idle['usedPercent']:g} % of {idle['requested']} used at most"
    seen = {"value": idle["usedPercent"], "limit": least, "evidence": tuple(configs)}
    if idle["usedPercent"] < least:
        calls = f"{total(function['invocations']):.0f} invocations of the function in all"
        return warning(f"{said}; {calls}: look whether callers name another version, or none ($LATEST)", **seen)
    return ok(said, **seen)


def _seen(config: Snapshot) -> dict[str, Any]:
    return {
        "qualifier": config["qualifier"],
        "status": config["status"],
        "statusReason": config.optional("statusReason"),
        "requested": config["requested"],
        # No data point: nobody called it.
        "usedPercent": round(100 * (worst_day(config["utilization"]) or 0.0), 1),
        "invocations": total(config["invocations"]),
        "spillovers": total(config["spillovers"]),
    }


@check(
    WEEKLY,
    about=lambda_runtimes_used.FUNCTIONS,
    title="Runtimes near their end of support",
    section="Maintenance Tasks, Weekly 2. Update Dependencies",
    unit="days",
    kind="functions",
    risk=("After the end of support AWS no longer fixes the runtime, then refuses updates of the function."),
    remedy=(
        "Plan the change of runtime as a release with tests. Compare include/config/lambda_runtimes.yaml "
        "with AWS's page when a date is near."
    ),
)
def lambda_runtime_near_end(function: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Functions whose runtime is without support, or soon will be: judged as in the audit, but every week."""
    return lambda_function_supported_runtime(function, estate, limits)
