"""The longest step of each wave, without those in which people or windows are waited for."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok
from migration_ops.core.thresholds import Thresholds


def judge(wave: Facts, _: Facts, limits: Thresholds) -> Judgement:
    working = [one for one in wave["steps"] if not one["isWaiting"]]
    if not working:
        return ok("nothing was launched in it")
    longest = max(working, key=lambda one: float(one["seconds"]))
    minutes = round(longest["seconds"] / 60, 1)
    said = f"longest step {longest['phase']}, of {longest['migrationId']}"
    most = limits.performance.max_step_minutes
    shown = tuple(f"{one['phase']}: {one['seconds'] / 60:.1f} min, {one['migrationId']}" for one in wave["steps"])
    return above(minutes, most, said, FindingVerdict.WARNING, evidence=shown)
