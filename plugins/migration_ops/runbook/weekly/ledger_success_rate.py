"""Of what ended in a wave, how much completed. A rollback that worked is still a failed migration.

Of few migrations a rate says nothing: of one that was rolled back, 0 %. There a failure is a warning.
"""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(wave: Facts, _: Facts, limits: Thresholds) -> Judgement:
    percent = round(100 * wave["completed"] / wave["ended"], 1)
    least = limits.weekly.min_success_percent
    said = f"{wave['completed']} of {wave['ended']} migrations completed"
    counts = (wave["byStatus"].plain(),)
    enough = limits.weekly.min_ended_migrations
    if percent < least and wave["ended"] < enough:
        return warning(f"{said}; fewer than {enough} are no rate", value=percent, limit=least, evidence=counts)
    if percent < least:
        return critical(said, value=percent, limit=least, evidence=counts)
    return ok(said, value=percent, limit=least, evidence=counts)
