"""Executions that pass through very many states: each transition is paid for, and a history ends at 25,000 events."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok
from migration_ops.core.thresholds import Thresholds


def judge(machine: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    """EXPRESS ones pay by time, not by transition."""
    if machine["kind"] != "STANDARD":
        return None
    latest = machine["latest"]
    if not latest:
        return ok("no execution ended well so far")
    counts = {one["name"]: one["transitions"] for one in latest}
    most = limits.performance.max_transitions_per_execution
    said = f"transitions of the longest of {len(counts)} executions"
    return above(max(counts.values()), most, said, FindingVerdict.WARNING, evidence=(counts,))
