"""How many of the locked packages have a newer version. Reported only: nothing is upgraded in place."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, unknown
from migration_ops.core.thresholds import Thresholds

SHOWN = 60


def judge(index: Facts, _: Facts, limits: Thresholds) -> Judgement:
    unanswered = index["unanswered"]
    if unanswered:
        named = tuple(unanswered[:SHOWN])
        return unknown(f"the index said nothing of {len(unanswered)} locked packages", evidence=named)
    outdated, most = index["outdated"], limits.weekly.max_outdated_packages
    newer = tuple(f"{one['name']} {one['installed']}, newest {one['latest']}" for one in outdated[:SHOWN])
    return above(len(outdated), most, "outdated packages", FindingVerdict.WARNING, evidence=newer)
