"""Lambda error rate: one alarm a function, with a guard: of two calls one failed is no rate."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import ABOVE, Alarm, Formula, Series

SUBJECTS = "functions"
PERIOD_SECONDS = 300


def series(name: str) -> tuple[Series, Series]:
    """``m1`` errors and ``m2`` invocations."""
    dimensions = {"FunctionName": name}
    errors, calls = (
        Series("AWS/Lambda", metric, dimensions, "Sum", PERIOD_SECONDS) for metric in ("Errors", "Invocations")
    )
    return errors, calls


def wanted(function: Facts, limits: Thresholds) -> list[Alarm]:
    name, least = function["name"], limits.functions.min_invocations
    return [
        Alarm(
            kind="function_error_rate",
            about=name,
            # The guard is at least 1: nothing is divided by zero.
            measure=Formula(f"IF(m2>={least},100*m1/m2,0)", series(name)),
            threshold=limits.functions.max_error_percent,
            comparison=ABOVE,
            route=Route.PAGE,
            description=f"More than {limits.functions.max_error_percent:g} % of the calls of {name} fail.",
        )
    ]
