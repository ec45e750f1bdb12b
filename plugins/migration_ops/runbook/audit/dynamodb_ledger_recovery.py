"""Point-in-time recovery of the ledger is on."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(table: Facts, _: Facts, __: Thresholds) -> Judgement:
    state = table["recovery"]
    return ok("", value=state) if state == "ENABLED" else warning("it is off", value=state, limit="ENABLED")
