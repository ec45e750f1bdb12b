"""Backups: the age of the newest verified one."""

from __future__ import annotations

from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, Route, critical, ok, unknown
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.backup import newest
from migration_ops.runbook.checks.chapters import HEALTH
from migration_ops.runbook.checks.check import check


@check(
    HEALTH,
    about=newest.TABLES,
    route=Route.PAGE,
    title="Age of the newest verified backup",
    section="Maintenance Tasks, Weekly 3. Backup State",
    unit="h",
    risk="Everything written to the ledger since then would be lost with the table.",
    remedy=("Open the last runs of runbook_backup: a red task says what failed. Trigger it when the cause is fixed."),
)
def backup_newest_verified_age(table: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """How old the newest verified backup of the ledger is; red too when no backup runs any more."""
    limit = limits.backup.max_age_hours
    age = table.optional("ageHours")
    if age is None:
        empty, exists = table.optional("emptyAgeHours"), table["tableAgeHours"]
        if empty is not None and -1 <= empty <= limit:
            return ok(f"nothing to back up yet: the ledger was empty {empty:.1f} h ago", limit=limit)
        if exists <= limit:
            return ok(f"not due yet: the table is {exists:.1f} h old", limit=limit)
        return critical(f"there is no verified backup, and the table is {exists:.1f} h old", limit=limit)
    seen = {"value": age, "limit": limit, "evidence": (table["base"],)}
    if age < -1:
        return unknown(f"the newest verified backup is {-age:.1f} h ahead: the clocks differ", **seen)
    if age > limit:
        return critical(f"the newest verified backup is {age:.1f} h old, limit {limit}", **seen)
    return ok(f"the newest verified backup is {age:.1f} h old", **seen)
