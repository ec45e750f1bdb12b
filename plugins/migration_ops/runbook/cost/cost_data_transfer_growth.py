"""Kinds of data transfer that cost more than in the month before."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.cost.growth import judged


def judge(usage_type: Facts, _: Facts, limits: Thresholds) -> Judgement:
    return judged(usage_type, limits)
