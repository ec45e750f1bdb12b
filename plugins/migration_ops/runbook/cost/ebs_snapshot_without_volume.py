"""Snapshots of volumes that are gone, of which no image of ours is made and which no backup plan keeps."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(snapshot: Facts, _: Facts, limits: Thresholds) -> Judgement:
    days, age = limits.cost.idle_days, round(snapshot["ageHours"] / 24, 1)
    if snapshot["hasVolume"]:
        return ok("its volume is there", limit=days)
    if snapshot["images"] or snapshot["isBackup"]:
        return ok("kept for an image or by a backup plan", limit=days)
    said = f"{snapshot['gib']} GiB, of {snapshot.maybe('volumeId', 'no volume')}, which is gone"
    return (warning if age > days else ok)(said, value=age, limit=days)
