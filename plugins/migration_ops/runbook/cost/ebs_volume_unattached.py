"""Volumes that belong to no instance."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(volume: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """EC2 does not say since when; a young one may be on its way to an instance."""
    days, age = limits.cost.idle_days, round(volume["ageHours"] / 24, 1)
    if volume["attachedTo"] or volume["state"] != "available":
        return ok("in use", limit=days)
    said = f"{volume['gib']} GiB, attached to nothing, made {age:g} days ago"
    return (warning if age > days else ok)(said, value=age, limit=days)
