"""All four parts of a bucket's public access block are on."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds

PARTS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    block = bucket.maybe("publicAccessBlock")
    off = [name for name in PARTS if block is None or block.maybe(name) is not True]
    if off:
        return warning(f"off: {', '.join(off)}", value=len(PARTS) - len(off), limit=len(PARTS))
    return ok("", value=len(PARTS), limit=len(PARTS))
