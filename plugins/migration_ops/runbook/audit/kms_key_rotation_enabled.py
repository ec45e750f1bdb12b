"""Keys that KMS could rotate, and does not."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(key: Facts, _: Facts, __: Thresholds) -> Judgement | None:
    rotation = key["rotation"]
    if not rotation["applies"]:
        return ok(f"does not apply: {rotation['why']}")
    return ok("rotates", value=True) if rotation["enabled"] else warning("does not rotate", value=False, limit=True)
