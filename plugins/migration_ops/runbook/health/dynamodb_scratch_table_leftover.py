"""Tables that a drill or a restore made and that nobody owns any more."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.backup.create import CLOCKS_DIFFER_BY


def judge(table: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """What was compared and handed over is somebody's; what is young may still be at work."""
    status, hours = table["status"], table["ageHours"]
    if table.maybe("handedOver") is not None or status == "DELETING":
        return None
    limit = limits.backup.max_scratch_hours
    if hours < -CLOCKS_DIFFER_BY.total_seconds() / 3600:
        return unknown(f"it was made {-hours:g} hours from now: the clocks differ", value=hours, limit=limit)
    of = f"of the run {table['run']}" if table.maybe("run") is not None else "of a drill"
    if hours <= limit:
        return ok(f"{of}, {max(hours, 0):g} hours old", value=hours, limit=limit)
    return warning(f"{of}, {hours:g} hours old: nobody compared it, and nobody removed it", value=hours, limit=limit)
