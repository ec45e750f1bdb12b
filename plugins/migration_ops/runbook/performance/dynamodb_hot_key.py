"""Requests that were refused because one partition had enough, whatever the table may take: a hot key."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.series import total
from migration_ops.core.thresholds import Thresholds

SERIES = ("hotReads", "hotWrites", "readThrottles", "writeThrottles", "reads", "writes")


def judge(part: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """A hot key of an index (``status`` has few values) throttles the table's writes too."""
    seen = {name: total(part[name]) for name in SERIES}
    hot, most = seen["hotReads"] + seen["hotWrites"], limits.performance.max_hot_key_events
    said = f"{hot:.0f} requests refused by a single partition"
    if hot > most:
        return warning(said, value=hot, limit=most, evidence=(seen,))
    return ok(said, value=hot, limit=most)
