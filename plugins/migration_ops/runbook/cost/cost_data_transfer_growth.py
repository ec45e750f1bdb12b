"""Kinds of data transfer that cost more than in the month before."""

from __future__ import annotations

from migration_ops.runbook.cost.growth import judged
from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement
from migration_ops.runbook.thresholds import Thresholds


def judge(usage_type: Facts, _: Facts, limits: Thresholds) -> Judgement:
    return judged(usage_type, limits)
