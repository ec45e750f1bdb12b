"""Replication lag of the servers of migrations on their way. No lag given is not "no lag"."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import FindingVerdict, Judgement, above, ok, unknown
from migration_ops.core.thresholds import Thresholds

# Before the first snapshot there is nothing that could lag (mgn-reference, 5).
FIRST_SYNC = frozenset({"INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT"})


def judge(server: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    limit = limits.migrations.max_lag_seconds
    if not server["isListed"]:
        return unknown(f"migration {server['migrationId']} names this server, and MGN does not list it")
    if not server["needsReplication"]:
        return None
    state = server["replicationState"]
    if server.maybe("lagSeconds") is None and server["lifecycleState"] == "NOT_READY" and state in FIRST_SYNC:
        done, total = server.maybe("replicatedBytes"), server.maybe("totalBytes")
        share = f", {100 * done / total:.0f} % copied" if done is not None and total else ""
        return ok(f"first sync: {state}{share}; there is no lag yet", limit=limit)
    lag = server["lagSeconds"]
    evidence = (state, f"backlog {server.maybe('backlogBytes')} bytes", f"wave {server['wave']}")
    return above(lag, limit, "seconds behind its source", FindingVerdict.WARNING, evidence=evidence)
