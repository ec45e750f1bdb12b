"""Throttled reads and writes of the ledger's table and of each index. No data means none were throttled."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above
from migration_ops.core.thresholds import Thresholds


def judge(part: Facts, _: Facts, limits: Thresholds) -> Judgement:
    """AWS/DynamoDB sends throttle events only when there are some (DynamoDB Developer Guide, metrics)."""
    reads, writes = sum(part["readThrottles"]["values"]), sum(part["writeThrottles"]["values"])
    evidence = (f"reads {reads:g}", f"writes {writes:g}") if reads or writes else ()
    limit = limits.table.max_throttle_events
    return above(reads + writes, limit, "throttled requests", FindingVerdict.CRITICAL, evidence=evidence)
