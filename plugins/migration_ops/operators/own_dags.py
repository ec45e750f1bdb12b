"""The DAG ids of this package: the listeners, which see all DAGs, act on these only.

Other DAGs may have an XCom or an operator of the same name; their notes and questions must not be changed.
"""

from __future__ import annotations

OWN_DAGS = frozenset(
    {
        "migration_restore",
        "migration_rollback",
        "migration_setup",
        "migration_wave",
        "runbook_alarms",
        "runbook_annual_review",
        "runbook_backup",
        "runbook_capacity_plan",
        "runbook_cost_review",
        "runbook_dr_drill",
        "runbook_health_check",
        "runbook_log_insights",
        "runbook_performance_review",
        "runbook_security_assessment",
        "runbook_security_audit",
        "runbook_weekly_review",
    }
)
