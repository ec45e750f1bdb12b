"""Weekly review: how migrations went, what was spent, how old the packages are. One check a file."""

from __future__ import annotations

from migration_ops.runbook.checks.check import Chapter

CHAPTER = Chapter(
    name="weekly",
    readers=("ledger_outcomes", "cost_week", "dependencies", "advisories", "function_runtimes"),
    check_ids=(
        "ledger_success_rate",
        "ledger_error_growth",
        "ledger_duration_growth",
        "cost_week_growth",
        "packages_lock_drift",
        "packages_outdated",
        "packages_vulnerable",
        "lambda_runtime_near_end",
    ),
)
