"""Keys whose policy lets in everybody."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.policies import public_statements


def judge(key: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = public_statements(key["policy"])
    if not found:
        return ok("its policy names who may use it", value=0)
    named = tuple(one.sid or ", ".join(one.actions) for one in found)
    return critical(f"everybody is let in by {named[0]}", value=len(found), limit=0, evidence=named)
