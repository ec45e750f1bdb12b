"""The settings of an installation: environment variables ``MIGRATION_OPS_*``, each with a default.

What differs per run is in the conf. ``.env.example`` explains each setting.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from migration_ops.core.errors import InstallationError

PREFIX = "MIGRATION_OPS_"
# More than the first, at most the second, by the unit that ends a number's name; the others are 0 or 1. Without them a
# settle time of "nan", which no clock ever reaches or is below, would let nobody wait for a lost answer.
BOUNDS: dict[str, tuple[float, float]] = {
    "seconds": (0, 86_400),
    "minutes": (0, 3_660 * 1_440),
    "hours": (0, 366 * 24),
    "days": (0, 36_500),
    # MGN's quota of servers in one job.
    "size": (0, 200),
}
FLAG = (-1, 1)


@dataclass(frozen=True)
class Settings:
    """Installation-wide settings. Names carry their unit."""

    # Names this installation in notifications (production, test); empty = the id of the AWS connection.
    environment: str = ""
    table_name: str = "migration-state"
    evidence_bucket: str = ""
    # The account that owns that bucket, 12 digits: then S3 refuses a bucket of another account. Empty = not checked.
    evidence_bucket_owner: str = ""
    # The KMS key that signs the anchors of the ledger; empty = they are not signed.
    anchor_kms_key_id: str = ""
    # How long S3 refuses to delete an anchor.
    anchor_retention_days: int = 365
    event_bus: str = "custom-migration-bus"
    metrics_namespace: str = "MigrationOrchestration"
    log_group: str = "/migration/orchestration"
    # Also write the operators' log lines to the log group; off where Airflow's own logs are shipped there.
    ship_logs: int = 1
    cmdb_conn_id: str = "cmf_api"
    callback_conn_id: str = "migration_callback"
    # Connection to our own Airflow's REST API, for the health check (http; login and password, or none where all are
    # admins).
    airflow_conn_id: str = "airflow_api"
    # Host names (comma-separated) under which the API server answers; empty = any. The local stack sets it.
    allowed_hosts: str = ""
    # What this installation requires of every wave and rollback: a conf can make it stricter, never weaker. See
    # core/policy.py. Lists are separated by commas; * and ? match in patterns. Empty: no requirement,
    # but aws_conn_ids names at least one.
    require_approvals: str = ""
    approvers: str = ""
    four_eyes: int = 0
    require_window: int = 0
    require_ticket: int = 0
    # 1 = a conf must name its account. With 0 the connection alone decides which account it is.
    require_account: int = 0
    aws_conn_ids: str = "aws_default"
    account_ids: str = ""
    regions: str = ""
    ssm_documents: str = "AWS-RunShellScript,AWS-RunPowerShellScript"
    # How long an approval may be acted on, from the answer or from the opening of the window.
    approval_valid_hours: float = 168.0
    # Older evidence is read again before people are asked about it.
    evidence_max_age_minutes: float = 60.0
    # Directory of resources.yaml, thresholds.yaml, on_call.yaml, accepted.yaml and lambda_runtimes.yaml; empty =
    # include/config of the project.
    config_directory: str = ""
    # The lock file that this installation was made from; empty = requirements.txt of the project.
    lock_file: str = ""
    # The command that lists newer packages, split as a shell does; --format json and --outdated or --uptodate are
    # added. Empty = the pip of this interpreter, which asks its configured index.
    pip_list_command: str = ""
    # A trigger that fires within seconds of its deferral can be failed by the executor ("state mismatch",
    # Airflow 3.3.2): 15 s when idle, 30 s on a busy installation.
    first_poll_seconds: float = 15.0
    # How long to wait after a lost answer before "nothing happened" is believed: the call may still take effect.
    settle_seconds: float = 60.0
    retry_delay_seconds: float = 30.0
    # The MGN user guide says up to 100 servers per launch operation, the quota says 200.
    launch_batch_size: int = 100
    check_timeout_seconds: float = 10.0
    job_poll_seconds: float = 30.0
    ledger_poll_seconds: float = 30.0
    boot_poll_seconds: float = 30.0
    check_poll_seconds: float = 30.0
    verify_timeout_minutes: float = 60.0
    job_timeout_minutes: float = 240.0
    history_ttl_days: int = 90


def read_settings(environ: dict[str, str] | None = None) -> Settings:
    """Settings from the environment.

    :param environ: the variables; None: those of this process.
    :raises InstallationError: a value that is not of its type or beyond its bounds; the context names the variable.
    """
    source = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for one in fields(Settings):
        name = PREFIX + one.name.upper()
        if name in source:
            values[one.name] = source[name] if one.type == "str" else _number(name, str(one.type), source[name])
    return Settings(**values)  # type: ignore[arg-type]


def _number(name: str, kind: str, text: str) -> float:
    try:
        value = int(text) if kind == "int" else float(text)
    except ValueError as error:
        raise InstallationError(f"{name} must be of type {kind}", path=name, value=text) from error
    above, most = BOUNDS.get(name.rsplit("_", 1)[-1].lower(), FLAG)
    if not above < value <= most:
        words = "0 or 1" if (above, most) == FLAG else f"more than {above} and at most {most}"
        raise InstallationError(f"{name} must be {words}", path=name, value=text)
    return value
