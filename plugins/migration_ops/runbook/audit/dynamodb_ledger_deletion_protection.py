"""The ledger's table is protected against deletion."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, warning
from migration_ops.core.thresholds import Thresholds


def judge(table: Facts, _: Facts, __: Thresholds) -> Judgement:
    return ok() if table["deletionProtection"] is True else warning("it is off", value=False, limit=True)
