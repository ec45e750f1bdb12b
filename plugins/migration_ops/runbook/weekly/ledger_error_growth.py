"""Error codes of which there are more than in the window before."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(error: Facts, _: Facts, limits: Thresholds) -> Judgement:
    growth, most = error["now"] - error["before"], limits.weekly.max_error_growth
    said = f"{error['now']} migrations ended with it, {error['before']} in the window before"
    if growth > most:
        return warning(said, value=growth, limit=most, evidence=tuple(error["migrations"]))
    return ok(said, value=growth, limit=most)
