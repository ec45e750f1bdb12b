"""Limits of the runbook's checks: ``include/config/thresholds.yaml``. Names carry their unit."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.alias_generators import to_camel


class ConfigPart(BaseModel):
    """camelCase in the file, unknown keys refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False
    )


class Queues(ConfigPart):
    """Runbook "Queue Monitoring" and the alarm table."""

    max_visible: int = Field(default=100, ge=0)
    max_in_flight: int = Field(default=10, ge=0)
    max_delayed: int = Field(default=0, ge=0)
    max_age_seconds: int = Field(default=900, ge=1)
    # Stricter than the runbook, which tolerates 5: each dead letter is a lost migration.
    max_dead_letters: int = Field(default=0, ge=0)


class Functions(ConfigPart):
    """Lambda."""

    max_error_percent: float = Field(default=1.0, ge=0)
    # With fewer invocations a rate says nothing: then any error is a warning.
    min_invocations: int = Field(default=20, ge=1)
    max_throttles: int = Field(default=0, ge=0)
    max_log_errors: int = Field(default=0, ge=0)


class Executions(ConfigPart):
    """Step Functions."""

    max_failed_per_hour: int = Field(default=2, ge=0)
    max_timed_out: int = Field(default=0, ge=0)
    max_aborted: int = Field(default=0, ge=0)
    max_running_minutes: int = Field(default=360, ge=1)
    max_throttled: int = Field(default=0, ge=0)

    @property
    def most_by_status(self) -> dict[str, int]:
        """How many executions may end with each bad status; for the checks and the alarms."""
        return {"FAILED": self.max_failed_per_hour, "TIMED_OUT": self.max_timed_out, "ABORTED": self.max_aborted}


class Events(ConfigPart):
    """EventBridge."""

    max_failed_invocations: int = Field(default=10, ge=0)
    # Events that not even a dead-letter queue took.
    max_undelivered: int = Field(default=0, ge=0)
    max_throttled: int = Field(default=0, ge=0)

    @property
    def most_by_series(self) -> dict[str, int]:
        """The limit of each series that the inventory reads of a rule; for the checks and the alarms."""
        return {
            "failedInvocations": self.max_failed_invocations,
            "undelivered": self.max_undelivered,
            "throttled": self.max_throttled,
        }


class Table(ConfigPart):
    """DynamoDB."""

    max_throttle_events: int = Field(default=0, ge=0)
    max_system_errors: int = Field(default=0, ge=0)


class Migrations(ConfigPart):
    """The ledger and replication. ``max_lag_seconds`` is the runbook's one lag limit (it had three)."""

    max_lag_seconds: int = Field(default=600, ge=0)
    # A migration in progress that was not updated for this long is stuck.
    stuck_after_minutes: int = Field(default=240, ge=1)


# One and a half periods of a DAG's schedule, so that a failed run can be repeated before there is an alarm; two and a
# half for those every two hours. Change it together with the schedule (tests/runbook/test_own_dags.py compares them).
MAX_DAG_AGE_HOURS: dict[str, float | None] = {
    "runbook_health_check": 5,
    "runbook_backup": 36,
    "runbook_alarms": 5,
    "runbook_log_insights": 36,
    "runbook_weekly_review": 24 * 10,
    "runbook_performance_review": 24 * 46,
    "runbook_security_audit": 24 * 46,
    "runbook_cost_review": 24 * 46,
    "runbook_capacity_plan": 24 * 138,
    "runbook_security_assessment": 24 * 138,
    "runbook_dr_drill": 24 * 138,
    "runbook_annual_review": 24 * 549,
}


class Orchestrator(ConfigPart):
    """
    Our own Airflow.

    :param max_dag_age_hours: by DAG, the longest time without a run that succeeded; null: it need not run here. DAGs
        that the file does not name keep their default.
    """

    max_failed_runs: int = Field(default=0, ge=0)
    max_approval_wait_minutes: int = Field(default=480, ge=1)
    max_heartbeat_age_seconds: int = Field(default=120, ge=1)
    max_dag_age_hours: dict[str, Annotated[float, Field(gt=0)] | None] = Field(
        default_factory=lambda: dict(MAX_DAG_AGE_HOURS)
    )
    # How long after its scheduled time a run may begin.
    max_dag_delay_minutes: int = Field(default=60, ge=1)

    @field_validator("max_dag_age_hours")
    @classmethod
    def _with_defaults(cls, given: dict[str, float | None]) -> dict[str, float | None]:
        unknown = given.keys() - MAX_DAG_AGE_HOURS.keys()
        if unknown:
            raise ValueError(f"no DAG of the runbook that has a schedule: {', '.join(sorted(unknown))}")
        return MAX_DAG_AGE_HOURS | given


class Audit(ConfigPart):
    """Security audit."""

    max_secret_age_days: int = Field(default=90, ge=1)
    max_unused_secret_days: int = Field(default=90, ge=1)
    # IAM remembers the last use for 400 days.
    max_unused_permission_days: int = Field(default=180, ge=1, le=400)
    runtime_end_warning_days: int = Field(default=90, ge=0)
    # An older list of vulnerabilities lacks those found since.
    max_advisories_age_days: int = Field(default=31, ge=1)
    max_patch_scan_age_days: int = Field(default=31, ge=1)


class Performance(ConfigPart):
    """Performance review."""

    max_p99_of_timeout_percent: float = Field(default=80.0, gt=0, le=100)
    max_memory_used_percent: float = Field(default=90.0, gt=0, le=100)
    min_memory_used_percent: float = Field(default=30.0, ge=0, le=100)
    max_execution_minutes: int = Field(default=720, ge=1)
    max_transitions_per_execution: int = Field(default=1000, ge=1)
    max_index_to_table_write_ratio: float = Field(default=4.0, gt=0)
    max_hot_key_events: int = Field(default=0, ge=0)
    # Of provisioned concurrency, at the busiest moment.
    min_provisioned_used_percent: float = Field(default=10.0, ge=0, le=100)
    # One migration in one step of a wave, waiting for people and windows left out.
    max_step_minutes: float = Field(default=120.0, gt=0)


class Cost(ConfigPart):
    """Cost review."""

    max_growth_percent: float = Field(default=25.0, ge=0)
    # In the account's currency a month: smaller growth and smaller savings are not reported.
    min_amount: float = Field(default=20.0, ge=0)
    staging_grace_hours: int = Field(default=2, ge=0)
    idle_days: int = Field(default=14, ge=1)
    max_idle_cpu_percent: float = Field(default=2.0, ge=0)


class Weekly(ConfigPart):
    """Weekly review."""

    min_success_percent: float = Field(default=95.0, ge=0, le=100)
    # If fewer migrations of a wave ended, a rate says nothing: then any failure is a warning.
    min_ended_migrations: int = Field(default=5, ge=1)
    # How many more failures of one error code than in the window before are OK.
    max_error_growth: int = Field(default=2, ge=0)
    # A wave's median duration against the median of the window before.
    max_duration_growth_percent: float = Field(default=50.0, ge=0)
    # Of one service, week against week; growth up to min_cost_growth (in the account's currency) is ignored.
    max_cost_growth_percent: float = Field(default=25.0, ge=0)
    min_cost_growth: float = Field(default=10.0, ge=0)
    max_outdated_packages: int = Field(default=20, ge=0)
    acceptance_end_warning_days: int = Field(default=14, ge=0)
    package_index_timeout_seconds: float = Field(default=240.0, gt=0, le=1800)


class Backup(ConfigPart):
    """Backup and disaster recovery."""

    max_age_hours: int = Field(default=26, ge=1)
    # Of the items of the last verified backup; a backup with fewer does not replace it.
    min_items_percent: float = Field(default=90.0, gt=0, le=100)
    retention_days: int = Field(default=365, ge=1)
    # After the last migration of a wave ended; None: nothing is archived.
    archive_after_days: int | None = Field(default=180, ge=30)
    # Of the table's items a night: far fewer than min_items_percent allows a backup to lack.
    archived_items_percent: float = Field(default=2.0, gt=0, le=5)
    # How long a drill's or a restore's table may be in use.
    max_scratch_hours: float = Field(default=12.0, ge=0)
    rto_minutes: int = Field(default=240, ge=1)
    rpo_minutes: int = Field(default=1440, ge=1)


class Windows(ConfigPart):
    """How the time windows of successive runs of a DAG overlap."""

    # A window begins this long before the end of the last one: metrics, log lines and events arrive late.
    overlap_minutes: int = Field(default=15, ge=0, le=24 * 60)


class Capacity(ConfigPart):
    """Capacity plan."""

    max_quota_percent: float = Field(default=80.0, gt=0, le=100)
    forecast_days: int = Field(default=90, ge=1)
    # How far back growth is measured.
    history_days: int = Field(default=180, ge=14, le=450)
    # How many points a trend line needs; with fewer there is no forecast.
    min_points: int = Field(default=8, ge=4)
    # Growth from today to the end of forecast_days, for what has no quota.
    max_growth_percent: float = Field(default=100.0, gt=0)


class Thresholds(ConfigPart):
    """All limits, by subject."""

    queues: Queues = Queues()
    functions: Functions = Functions()
    executions: Executions = Executions()
    events: Events = Events()
    table: Table = Table()
    migrations: Migrations = Migrations()
    orchestrator: Orchestrator = Orchestrator()
    audit: Audit = Audit()
    performance: Performance = Performance()
    cost: Cost = Cost()
    weekly: Weekly = Weekly()
    backup: Backup = Backup()
    capacity: Capacity = Capacity()
    windows: Windows = Windows()
