"""Failed asynchronous invocations of a function go somewhere."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(function: Facts, _: Facts, __: Thresholds) -> Judgement:
    target = function.maybe("deadLetterTarget")
    targets = [*([target] if target else []), *function["onFailure"]]
    if not targets:
        return warning("neither dead letters nor a destination for failures")
    return ok(f"failures go to {', '.join(targets)}")
