"""Decisions to live with a finding that end soon, have ended, or are about no check."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(entry: Facts, _: Facts, limits: Thresholds) -> Judgement:
    left, limit = entry["daysLeft"], limits.weekly.acceptance_end_warning_days
    seen = {"value": left, "limit": limit, "evidence": (entry["ticket"], entry["reason"])}
    if not entry["isKnown"]:
        return warning("no check of this package has this id: it accepts another scanner's finding, or nothing", **seen)
    if left < 0:
        return warning(f"it ended on {entry['until']} ({entry['who']})", **seen)
    if left <= limit:
        return warning(f"it ends on {entry['until']} ({entry['who']}): the finding is red again after it", **seen)
    return ok(f"until {entry['until']} by {entry['who']}", **seen)
