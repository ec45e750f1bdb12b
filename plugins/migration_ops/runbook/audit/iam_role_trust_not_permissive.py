"""Roles that people from outside can take on."""

from __future__ import annotations

from migration_ops.aws.policies.trust import open_doors
from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.verdicts import asked_of, second_opinion


def judge(role: Facts, _: Facts, __: Thresholds) -> Judgement:
    found = open_doors(role["trust"], role["accountId"])
    said, public = second_opinion(asked_of(role, "trustCheck"))
    evidence = (*found, *((said,) if said else ()))
    if not found and public:
        return critical(f"{said}; our reading finds nobody", value=1, limit=0, evidence=evidence)
    if not found:
        return ok("only who is named or tied to us may take it on", value=0, evidence=evidence)
    return critical(
        f"may be taken on without a condition by {', '.join(found)}",
        value=len(found),
        limit=0,
        evidence=evidence,
    )
