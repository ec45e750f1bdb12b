"""Three months of a system that hardly grows: migrations, the bucket's size, our log, and use of the quotas."""

from __future__ import annotations

from collections.abc import Sequence

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.weekly import ended_migrations

WEEKS = 12
DAY_MINUTES = 24 * 60
GIB = 1024**3
VCPUS = {"Service": "EC2", "Type": "Resource", "Resource": "vCPU", "Class": "Standard/OnDemand"}
LAMBDA = {"Service": "Lambda", "Type": "Resource", "Resource": "ConcurrentExecutions", "Class": "None"}
# So that no line is without its band.
UNEVEN = (0.0, 0.03, -0.02, 0.01, -0.03, 0.02, -0.01, 0.04, -0.02, 0.0, 0.01)


def seed(account: Account) -> None:
    for week in range(2, WEEKS):
        ended_migrations(account, f"quarter-{week:02d}", 1 + week % 2, hours_ago=24 * 7 * week + 5)
    bucket = {"BucketName": account.settings["MIGRATION_OPS_EVIDENCE_BUCKET"], "StorageType": "StandardStorage"}
    daily(account, "AWS/S3", "BucketSizeBytes", bucket, rising(20 * GIB, 22 * GIB))
    own_log = {"LogGroupName": account.settings["MIGRATION_OPS_LOG_GROUP"]}
    daily(account, "AWS/Logs", "IncomingBytes", own_log, rising(4e6, 4.2e6))
    daily(account, "AWS/Usage", "ResourceCount", VCPUS, rising(96, 100))
    daily(account, "AWS/Usage", "ResourceCount", LAMBDA, rising(40, 42))
    daily(account, "AWS/MGN", "ActiveSourceServerCount", {}, rising(30, 32))


def rising(first: float, last: float, days: int = WEEKS * 7) -> list[int]:
    """A whole number a day that goes evenly from one to the other, a little unevenly."""
    steps = [first + (last - first) * day / (days - 1) for day in range(days)]
    return [round(value * (1 + UNEVEN[day % len(UNEVEN)])) for day, value in enumerate(steps)]


def daily(account: Account, namespace: str, name: str, dimensions: dict[str, str], values: Sequence[float]) -> None:
    """Data points of a metric, a day apart, the last one some minutes ago."""
    account.metric(namespace, name, dimensions, *values, minutes_apart=DAY_MINUTES)
