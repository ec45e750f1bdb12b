"""Delayed messages where nothing is sent with a delay."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement:
    seen = queue["attributes"]["delayed"]
    return above(seen, limits.queues.max_delayed, "delayed messages", FindingVerdict.WARNING)
