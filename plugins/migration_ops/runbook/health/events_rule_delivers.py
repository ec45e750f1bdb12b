"""Rules that are disabled, or have no target: their events vanish, and no metric shows it."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown
from migration_ops.core.thresholds import Thresholds

ENABLED = frozenset({"ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"})


def judge(rule: Facts, _: Facts, limits: Thresholds) -> Judgement:
    state, targets = rule["state"], rule["targets"]
    if state == "DISABLED":
        return critical("the rule is disabled", value=state)
    if state not in ENABLED:
        return unknown(f"the rule's state is {state}", value=state)
    if not targets:
        return critical("the rule has no target", value=state)
    return ok(f"enabled, {len(targets)} targets", value=state)
