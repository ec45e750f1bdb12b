"""A sample of each group's lines shows no secrets."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds


def judge(group: Facts, _: Facts, __: Thresholds) -> Judgement:
    """The sample is of the last day's first lines; what is not in it is not judged."""
    found, sampled = group["secrets"], group["sampled"]
    if not found:
        return ok(f"none in a sample of {sampled} lines", value=0, limit=0)
    kinds = sorted({kind for one in found for kind in one["kinds"]})
    streams = tuple(one["stream"] for one in found[:10])
    seen = f"in {len(found)} streams of a sample of {sampled} lines: {', '.join(kinds)}"
    return critical(seen, value=len(found), limit=0, evidence=streams)
