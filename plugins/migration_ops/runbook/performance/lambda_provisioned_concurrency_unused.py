"""Provisioned concurrency that nobody uses. It belongs to a version or alias: callers of ``$LATEST`` pass it by."""

from __future__ import annotations

from typing import Any

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.series import total, worst_day
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
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


def _seen(config: Facts) -> dict[str, Any]:
    return {
        "qualifier": config["qualifier"],
        "status": config["status"],
        "statusReason": config.maybe("statusReason"),
        "requested": config["requested"],
        # No data point: nobody called it.
        "usedPercent": round(100 * (worst_day(config["utilization"]) or 0.0), 1),
        "invocations": total(config["invocations"]),
        "spillovers": total(config["spillovers"]),
    }
