"""Replication lag: one alarm a source server that is on its way to its cutover.

A server that reports no lag does not replicate: while replication is expected, silence is a fault. From the cutover's
launch on it is none (the source may have been stopped), so then the alarm is not wanted any more.
"""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.integrations.telemetry.telemetry import LAG_PHASES
from migration_ops.runbook.alarms.alarm import ABOVE, BAD, Alarm, Series

SUBJECTS = "migrations"


def wanted(migration: Facts, limits: Thresholds) -> list[Alarm]:
    if migration["phase"] not in LAG_PHASES:
        return []
    server, limit = migration["sourceServerId"], limits.migrations.max_lag_seconds
    return [
        Alarm(
            kind="replication_lag",
            about=server,
            measure=Series("AWS/MGN", "LagDuration", {"SourceServerID": server}, "Maximum", 300),
            threshold=limit,
            comparison=ABOVE,
            route=Route.WARN,
            description=f"{server} of wave {migration['wave']} lags more than {limit} s, or does not report.",
            missing=BAD,
            # One late data point is no stall.
            periods=2,
        )
    ]
