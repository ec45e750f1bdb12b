"""Functions that nearly use up their memory, by their own REPORT lines; at the size they are killed."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.series import total
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.performance.right_sizing import CPU_NOTE, proposed_mb


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement:
    if not total(function["invocations"]):
        return ok("not invoked in the window")
    memory, size = function["memory"], function["memoryMb"]
    used = memory.maybe("maxUsedMb")
    if used is None:
        return unknown(f"it was invoked, and its log has no REPORT line with {size} MB")
    percent, most = round(100 * used / size, 1), limits.performance.max_memory_used_percent
    said = f"{used} of {size} MB used at most, by {memory['lines']} REPORT lines"
    if percent < most:
        return ok(said, value=percent, limit=most)
    proposal = proposed_mb(used)
    seen = {"value": percent, "limit": most, "evidence": ({"proposedMb": proposal, "note": CPU_NOTE},)}
    if used >= size:
        return critical(f"{said}: it was killed, or next time will be; try {proposal} MB", **seen)
    return warning(f"{said}; try {proposal} MB", **seen)
