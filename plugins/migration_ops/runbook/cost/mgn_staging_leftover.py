"""Replication servers, staging volumes and snapshots of servers whose migration has ended."""

from __future__ import annotations

from migration_ops.core.facts import Facts
from migration_ops.core.finding import Judgement, ok, unknown, warning
from migration_ops.core.thresholds import Thresholds

# Replication goes on after these, so that one can try again; it is paid for all the same.
TRIED = frozenset({"FAILED", "ROLLED_BACK", "FROZEN"})


def judge(resource: Facts, estate: Facts, limits: Thresholds) -> Judgement:
    grace, idle_hours = limits.cost.staging_grace_hours, limits.cost.idle_days * 24
    what = f"{resource['kind']} {resource.maybe('label', '')}".strip()
    age = resource["ageHours"]
    server_id, migration = resource.maybe("sourceServerId"), resource.maybe("migration")
    server = resource.maybe("server")
    if age <= grace:
        return ok(f"{what}: made {age:g} h ago", value=age, limit=grace)
    if server_id is None:
        # Replication servers work for several source servers, and carry the id of none.
        others = estate.at("staging.replicating")
        if others:
            return ok(f"{what}: {others} servers replicate", value=age, limit=grace)
        return warning(f"{what}: nothing replicates any more", value=age, limit=grace)
    if migration is None:
        if server is None:
            return warning(f"{what}: neither MGN nor the ledger knows {server_id}", value=age, limit=grace)
        return ok(f"{what}: {server_id} replicates, its migration has not begun", value=age, limit=grace)
    status, since = migration["status"], migration.maybe("hoursSince")
    if since is None:
        return unknown(f"{what}: the ledger does not say since when {migration['migrationId']} is {status}")
    limit = grace if status == "COMPLETED" else idle_hours
    seen = {"value": since, "limit": limit, "evidence": (migration.plain(), server.plain() if server else {})}
    said = f"{what}: {migration['migrationId']} is {status} since {since:g} h"
    return warning(said, **seen) if status in TRIED | {"COMPLETED"} and since > limit else ok(said, **seen)
