"""Replication that stands still, or reports an error, of a server that still needs it."""

from __future__ import annotations

from migration_ops.aws.mgn.states import REPLICATION_READY, REPLICATION_TERMINAL, REPLICATION_WAITING
from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, critical, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds


def judge(server: Facts, _: Facts, limits: Thresholds) -> Judgement | None:
    if not server["isListed"]:
        return unknown(f"migration {server['migrationId']} names this server, and MGN does not list it")
    if not server["needsReplication"]:
        return None
    state, error = server["replicationState"], server.maybe("replicationError")
    because = f": {error}" if error else ""
    told = {"value": state, "evidence": (f"wave {server['wave']}", f"migration {server['migrationId']}")}
    if server["isArchived"]:
        return critical("the server is archived", **told)
    if state in REPLICATION_TERMINAL:
        return critical(f"replication is {state}{because}", **told)
    if state not in REPLICATION_READY | REPLICATION_WAITING:
        return unknown(f"replication is {state}{because}", **told)
    if error:
        return critical(f"replication is {state} and reports an error{because}", **told)
    if state == "PAUSED":
        return warning("replication is PAUSED: somebody paused it and must resume it", **told)
    return ok(f"replication is {state}", value=state)
