"""Services that take on a role for whoever asks them."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.audit.trust import deputies


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = deputies(role["trust"])
    if not found:
        return ok("services take it on for this account only", value=0)
    return critical(
        f"{', '.join(found)} may take it on for any account", value=len(found), limit=0, evidence=tuple(found)
    )
