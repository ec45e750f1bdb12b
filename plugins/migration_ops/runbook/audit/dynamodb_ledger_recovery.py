"""Point-in-time recovery of the ledger is on."""

from __future__ import annotations

from migration_ops.runbook.facts import Facts
from migration_ops.runbook.judging import Judgement, ok, warning
from migration_ops.runbook.thresholds import Thresholds


def judge(table: Facts, _: Facts, __: Thresholds) -> Judgement:
    state = table["recovery"]
    return ok("", value=state) if state == "ENABLED" else warning("it is off", value=state, limit="ENABLED")
