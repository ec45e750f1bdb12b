"""All four parts of the public access block are on: of the bucket, or of its account."""

from __future__ import annotations

from migration_ops.aws.policies.exposure import BLOCK_PARTS, is_blocked
from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(bucket: Facts, _: Facts, __: Thresholds) -> Judgement:
    own, total = bucket.maybe("publicAccessBlock"), len(BLOCK_PARTS)
    open_here = [name for name in BLOCK_PARTS if not is_blocked(name, own)]
    if not open_here:
        return ok("", value=total, limit=total)
    account = bucket.maybe("accountPublicAccessBlock")
    off = [name for name in open_here if not is_blocked(name, account)]
    if off:
        return warning(f"off: {', '.join(off)}", value=total - len(off), limit=total)
    return ok("by the account's block", value=total, limit=total)
