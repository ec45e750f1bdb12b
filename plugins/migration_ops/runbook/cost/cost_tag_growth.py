"""Waves (or what else the cost tag names) that cost more than in the month before."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.cost.growth import judged


def judge(tag: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    """A wave that begins costs more than nothing; only what grows later is looked at."""
    is_alone = len(estate.at("cost_explorer.tags")) == 1
    if not tag["value"] and is_alone and tag["now"] >= limits.cost.min_amount:
        return warning("no cost carries the tag: nobody set it, or it is not activated for cost allocation")
    return judged(tag, limits, may_be_new=True)
