"""The runtime of a function is supported, and will be for a while."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """Images bring a runtime of their own, which Lambda does not know."""
    if function["packageType"] == "Image":
        return None
    runtime = function["runtime"]
    if runtime.maybe("end") is None:
        return unknown(f"{runtime['name']}: nobody wrote down here when its support ends")
    left, limit = runtime["daysLeft"], limits.audit.runtime_end_warning_days
    seen = {"value": left, "limit": limit, "evidence": (runtime["name"], runtime["end"])}
    if left <= 0:
        return critical(f"{runtime['name']} has had no support since {runtime['end']}", **seen)
    if left <= limit:
        return warning(f"the support of {runtime['name']} ends on {runtime['end']}", **seen)
    return ok(f"{runtime['name']} is supported until {runtime['end']}", **seen)
