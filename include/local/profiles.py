"""The package's settings for the local stack: shorter than an operator would set them."""

from __future__ import annotations

# At speed 60 a minute of the sandbox is a second here, so the package polls more often than on AWS. The first poll is
# not sooner because a trigger that fires at once can fail its task (a race in Airflow 3.3.2).
DEMO = {
    "MIGRATION_OPS_FIRST_POLL_SECONDS": "3",
    "MIGRATION_OPS_SETTLE_SECONDS": "5",
    "MIGRATION_OPS_RETRY_DELAY_SECONDS": "3",
    "MIGRATION_OPS_JOB_POLL_SECONDS": "3",
    "MIGRATION_OPS_LEDGER_POLL_SECONDS": "3",
    "MIGRATION_OPS_BOOT_POLL_SECONDS": "3",
    "MIGRATION_OPS_CHECK_POLL_SECONDS": "3",
}

# The scenarios run in parallel on one Airflow, with a faster sandbox clock.
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
