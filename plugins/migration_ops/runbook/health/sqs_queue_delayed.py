"""Delayed messages where nothing is sent with a delay."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.findings import FindingVerdict
from migration_ops.runbook.judging import Judgement, above
from migration_ops.runbook.thresholds import Thresholds


def judge(queue: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    if queue.maybe("elsewhere"):
        return None
    seen = queue["attributes"]["delayed"]
    return above(seen, limits.queues.max_delayed, "delayed messages", FindingVerdict.WARNING)
