"""Waves whose migrations took longer than those of the window before (medians of what completed)."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok
from migration_ops.core.thresholds import Thresholds


def judge(wave: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    if not wave["completed"]:
        return None
    took, usual = wave["medianMinutes"], wave.maybe("beforeMedianMinutes")
    if usual is None:
        return ok("nothing completed in the window before: there is nothing to compare with", value=took)
    most = usual * (1 + limits.weekly.max_duration_growth_percent / 100)
    return above(took, round(most, 1), f"median of {wave['completed']} migrations", FindingVerdict.WARNING)
