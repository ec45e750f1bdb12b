"""All kinds of finding that this package makes, by check id; notifications take titles from here."""

from __future__ import annotations

from functools import cache

from migration_ops.core.finding_kind import FindingKind, KindTable


@cache
def all_kinds() -> KindTable:
    """
    Of checks, alarms, backups, restores, drills, queries, sign-offs, scanners and reports.

    :raises InvalidInputError: two kinds have one id.
    """
    # Imported late: a DAG file, which only names a finding, needs none of these modules.
    from migration_ops.runbook.alarms.findings import ALARM_KINDS
    from migration_ops.runbook.backup.kinds import BACKUP_KINDS, DRILL_KINDS, RESTORE_KINDS, TASK_KINDS
    from migration_ops.runbook.checks.check import REGISTRY, load
    from migration_ops.runbook.insights.kinds import insight_kinds
    from migration_ops.runbook.reports.kinds import REPORT_KINDS
    from migration_ops.runbook.scanners.findings import SCANNER_KINDS
    from migration_ops.runbook.sign_off import SIGN_OFF_KIND

    load()
    checks: list[FindingKind] = [one.metadata for one in REGISTRY.values()]
    tables = (ALARM_KINDS, BACKUP_KINDS, RESTORE_KINDS, DRILL_KINDS, TASK_KINDS, insight_kinds(), SCANNER_KINDS)
    return KindTable(*checks, *(one for table in (*tables, REPORT_KINDS) for one in table.values()), SIGN_OFF_KIND)


def title_of(check_id: str) -> str:
    """A check's title; its id in words when it has no kind here (a scanner's check, an earlier version's)."""
    kinds = all_kinds()
    return kinds[check_id].title if check_id in kinds else check_id.replace("_", " ").capitalize()
