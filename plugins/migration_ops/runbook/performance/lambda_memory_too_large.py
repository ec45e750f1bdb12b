"""Functions that use a small part of the memory that is paid for. A proposal, with what must be watched."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.series import total
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.performance.right_sizing import CPU_NOTE, LEAST_MB, proposed_mb


def judge(function: Facts, _: Facts, limits: Thresholds) -> Judgement:
    if not total(function["invocations"]):
        return ok("not invoked in the window")
    memory, size = function["memory"], function["memoryMb"]
    used = memory.maybe("maxUsedMb")
    if used is None:
        return unknown(f"it was invoked, and its log has no REPORT line with {size} MB")
    percent, least = round(100 * used / size, 1), limits.performance.min_memory_used_percent
    said = f"{used} of {size} MB used at most, by {memory['lines']} REPORT lines"
    if percent >= least or size <= LEAST_MB:
        return ok(said, value=percent, limit=least)
    proposal = {"proposedMb": proposed_mb(used), "presentMb": size, "isSample": memory["isSample"], "note": CPU_NOTE}
    return warning(f"{said}; try {proposed_mb(used)} MB", value=percent, limit=least, evidence=(proposal,))
