"""Errors of a function that is called too seldom for a rate: any of them is a warning, or nobody would hear of it."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.alarms.alarm import ABOVE, Alarm, Formula
from migration_ops.runbook.alarms.function_error_rate import series

SUBJECTS = "functions"


def wanted(function: Facts, limits: Thresholds) -> list[Alarm]:
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
