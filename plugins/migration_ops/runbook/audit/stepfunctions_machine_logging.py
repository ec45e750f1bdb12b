"""The executions of a state machine are logged."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(machine: Facts, _: Facts, __: Thresholds) -> Judgement:
    level = machine["logLevel"]
    if level == "OFF":
        return warning("nothing is logged", value=level, limit="ERROR")
    return ok("", value=level, limit="ERROR")
