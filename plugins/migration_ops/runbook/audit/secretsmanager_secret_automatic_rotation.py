"""Secrets that nothing rotates."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(secret: Facts, _: Facts, __: Thresholds) -> Judgement:
    home = secret.maybe("primaryRegion")
    if home:
        return ok(f"is a replica: rotates in {home}")
    if not secret["rotates"]:
        return warning("has no rotation", value=False, limit=True)
    return ok(f"rotates every {secret.maybe('everyDays', '?')} days", value=True)
