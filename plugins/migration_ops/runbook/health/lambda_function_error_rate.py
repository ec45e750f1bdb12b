"""Errors of a function against its invocations, once there are enough of them to speak of a rate."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """Few invocations make no rate: then any error is a WARNING (one of two would be 50 %, and page somebody)."""
    guard, limit = limits.functions.min_invocations, limits.functions.max_error_percent
    counted = function["errors"]["values"]
    invocations, errors = sum(function["invocations"]["values"]), sum(counted)
    if not invocations and not errors:
        return ok("not invoked", limit=limit)
    if not counted:
        # Lambda writes 0 errors with each invocation: without any data point nobody knows.
        return unknown(f"{invocations:g} invocations, and CloudWatch has no Errors of them")
    said = f"{errors:g} of {invocations:g} invocations failed"
    if invocations >= guard:
        rate = 100 * errors / invocations
        return above(rate, limit, f"{said}, percent", FindingVerdict.CRITICAL, evidence=_times(function))
    if errors:
        return warning(f"{said}, fewer than {guard} are no rate", limit=limit, evidence=_times(function))
    return ok(said, value=0, limit=limit)


def _times(function: Facts) -> tuple[str, ...]:
    """The last times at which there were errors."""
    pairs = zip(function["errors"]["times"], function["errors"]["values"], strict=True)
    return tuple(f"{at}: {errors:g} errors" for at, errors in pairs if errors)[-5:]
