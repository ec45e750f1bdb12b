"""Replication lag: one alarm a source server that is on its way to its cutover, from the end of its first sync.

A server that reports no lag does not replicate: while replication is expected, silence is a fault. Until the first
snapshot there is no lag to report (MGN calls the server NOT_READY), and from the cutover's launch on silence is no
fault (the source may have been stopped): then the alarm is not wanted. It lives with its wave, so the scheduled runs
of ``runbook_alarms`` make and delete it themselves.
"""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Route
from migration_ops.core.thresholds import Thresholds
from migration_ops.integrations.telemetry.telemetry import LAG_PHASES
from migration_ops.runbook.alarms.alarm import ABOVE, BAD, Alarm, Series

SUBJECTS = "migrations"
ROUTE = Route.WARN
IN_FIRST_SYNC = "NOT_READY"


def wanted(migration: Facts, limits: Thresholds) -> list[Alarm]:
    if migration["phase"] not in LAG_PHASES:
        return []
    # MGN does not list a server of which nothing is known here: that is silence too.
    if migration.maybe("lifecycleState") == IN_FIRST_SYNC or migration.maybe("isArchived", False):
        return []
    server, limit = migration["sourceServerId"], limits.migrations.max_lag_seconds
    return [
        Alarm(
            kind="replication_lag",
            about=server,
            measure=Series("AWS/MGN", "LagDuration", {"SourceServerID": server}, "Maximum", 300),
            threshold=limit,
            comparison=ABOVE,
            route=ROUTE,
            description=f"{server} of wave {migration['wave']} lags more than {limit} s, or does not report.",
            missing=BAD,
            # One late data point is no stall.
            periods=2,
        )
    ]
