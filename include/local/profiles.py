"""Settings of the package for a fast machine of one's own: an operator sets the same variables, only larger."""

from __future__ import annotations

# At sixty times the speed a minute of the sandbox is a second here, so the package looks more often than at AWS.
# The first poll stays above the race that fails a task whose trigger fires at once (Airflow 3.3.2).
DEMO = {
    "MIGRATION_OPS_FIRST_POLL_SECONDS": "3",
    "MIGRATION_OPS_SETTLE_SECONDS": "5",
    "MIGRATION_OPS_RETRY_DELAY_SECONDS": "3",
    "MIGRATION_OPS_JOB_POLL_SECONDS": "3",
    "MIGRATION_OPS_LEDGER_POLL_SECONDS": "3",
    "MIGRATION_OPS_BOOT_POLL_SECONDS": "3",
    "MIGRATION_OPS_CHECK_POLL_SECONDS": "3",
}

# The scenarios run side by side on one Airflow, at a speed at which nothing of AWS takes long.
SCENARIOS = DEMO | {
    "MIGRATION_OPS_FIRST_POLL_SECONDS": "4",
    "MIGRATION_OPS_SETTLE_SECONDS": "3",
    "MIGRATION_OPS_RETRY_DELAY_SECONDS": "2",
    "MIGRATION_OPS_JOB_POLL_SECONDS": "2",
    "MIGRATION_OPS_LEDGER_POLL_SECONDS": "2",
    "MIGRATION_OPS_BOOT_POLL_SECONDS": "2",
    "MIGRATION_OPS_CHECK_POLL_SECONDS": "2",
}
SCENARIO_SPEED = 600.0
SCENARIO_PARALLELISM = 12
