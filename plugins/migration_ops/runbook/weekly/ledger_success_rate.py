"""Of what ended in a wave, how much completed. A rollback that worked is still a failed migration."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(wave: Facts, _: Facts, limits: Thresholds) -> Judgement:
    percent = round(100 * wave["completed"] / wave["ended"], 1)
    least = limits.weekly.min_success_percent
    said = f"{wave['completed']} of {wave['ended']} migrations completed"
    counts = (wave["byStatus"].plain(),)
    if percent < least:
        return critical(said, value=percent, limit=least, evidence=counts)
    return ok(said, value=percent, limit=least, evidence=counts)
