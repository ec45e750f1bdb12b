"""How old the newest verified backup of the ledger is; also when no backup runs any more."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown
from migration_ops.core.thresholds import Thresholds


def judge(table: Facts, _: Facts, limits: Thresholds) -> Judgement:
    limit = limits.backup.max_age_hours
    age = table.maybe("ageHours")
    if age is None:
        exists = table["tableAgeHours"]
        if exists <= limit:
            return ok(f"not due yet: the table is {exists:.1f} h old", limit=limit)
        return critical(f"there is no verified backup, and the table is {exists:.1f} h old", limit=limit)
    seen = {"value": age, "limit": limit, "evidence": (table["base"],)}
    if age < -1:
        return unknown(f"the newest verified backup is {-age:.1f} h ahead: the clocks differ", **seen)
    if age > limit:
        return critical(f"the newest verified backup is {age:.1f} h old, limit {limit}", **seen)
    return ok(f"the newest verified backup is {age:.1f} h old", **seen)
