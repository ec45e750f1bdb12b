"""Roles that people from outside can take on."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.trust import open_doors


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = open_doors(role["trust"], role["accountId"])
    if not found:
        return ok("only who is named or tied to us may take it on", value=0)
    return critical(
        f"may be taken on without a condition by {', '.join(found)}",
        value=len(found),
        limit=0,
        evidence=tuple(found),
    )
