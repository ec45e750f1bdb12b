"""The dashboard that people look at: is it there, and does it show anything."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(dashboard: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """One series without data may just be quiet: throttles are sent only when there are some. All of them cannot."""
    if not dashboard["exists"]:
        return unknown("the dashboard that migration_setup makes is not there")
    series = dashboard["series"]
    if not series:
        return unknown("it has no metric that could be read here")
    filled = [one for one in series if one["points"]]
    seen = f"{len(filled)} of {len(series)} series have data in {dashboard['hours']} h"
    if not filled:
        return warning(seen, value=0, limit=1, evidence=tuple(one["label"] for one in series))
    return ok(seen, value=len(filled), limit=1)
