"""MGN: replication that lags or is stalled, and leftovers of migrations."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.states import (
    CLOCKS_DIFFER_BY_SECONDS,
    REPLICATION_READY,
    REPLICATION_TERMINAL,
    REPLICATION_WAITING,
    SEEN_WITHIN_SECONDS,
)
from migration_ops.core.facts import Snapshot
from migration_ops.core.finding import CheckResult, FindingStatus, Route, above, critical, ok, unknown, warning
from migration_ops.core.states import Status
from migration_ops.core.thresholds import Thresholds
from migration_ops.ledger import lost_launches, replication, staging
from migration_ops.runbook.checks.chapters import COST, HEALTH
from migration_ops.runbook.checks.check import check

# Before the first snapshot there is no lag (MGN: dataReplicationInfo.dataReplicationState).
FIRST_SYNC = frozenset({"INITIATING", "INITIAL_SYNC", "BACKLOG", "CREATING_SNAPSHOT"})
# Lifecycle states while a test or cutover is going on.
_LAUNCHING = frozenset({"TESTING", "CUTTING_OVER"})
# Replication continues after these, so that the migration can be tried again; it costs money meanwhile.
TRIED = frozenset({Status.FAILED, Status.ROLLED_BACK, Status.FROZEN})


@check(
    HEALTH,
    about=replication.SERVERS,
    title="Replication lag",
    section="Monitoring & Alerts, Key Metrics to Monitor",
    unit="s",
    empty="ok",
    risk=("An instance launched now would be that far behind its source; the wave's gate does not pass."),
    remedy=(
        "Look at bandwidth, the source's write load and the replication server's size "
        "(update_replication_configuration)."
    ),
)
def mgn_server_replication_lag(server: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Replication lag of servers of migrations in progress. Without a reported lag, or with a silent agent: UNKNOWN."""
    limit = limits.migrations.max_lag_seconds
    if not server["isListed"]:
        return unknown(f"migration {server['migrationId']} names this server, and MGN does not list it")
    if not server["needsReplication"]:
        return None
    state = server["replicationState"]
    if server.optional("lagSeconds") is None and server["lifecycleState"] == "NOT_READY" and state in FIRST_SYNC:
        done, total = server.optional("replicatedBytes"), server.optional("totalBytes")
        share = f", {100 * done / total:.0f} % copied" if done is not None and total else ""
        return ok(f"first sync: {state}{share}; there is no lag yet", limit=limit)
    lag, seen = server["lagSeconds"], server["seenAgeSeconds"]
    if lag <= limit and not -CLOCKS_DIFFER_BY_SECONDS <= seen <= SEEN_WITHIN_SECONDS:
        when = f"{seen / 60:.0f} minutes ago" if seen > 0 else "in the future: clocks differ"
        return unknown(f"the agent was last seen {when}: its lag of {lag:g} s is of then", value=lag, limit=limit)
    evidence = (state, f"backlog {server.optional('backlogBytes')} bytes", f"wave {server['wave']}")
    return above(lag, limit, "behind its source", FindingStatus.WARNING, evidence=evidence)


@check(
    HEALTH,
    about=replication.SERVERS,
    route=Route.PAGE,
    title="Stalled replication",
    section="Monitoring & Alerts, Key Metrics to Monitor",
    empty="ok",
    risk="No data flows, and none will until a person acts. The server cannot be migrated.",
    remedy=(
        "Look at the error in the MGN console: agent, TCP 1500 to the staging subnet, TCP 443 to MGN; "
        "then retry the replication."
    ),
)
def mgn_server_replication_stalled(server: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult | None:
    """Replication that is stalled, or reports an error, of a server that still needs it."""
    if not server["isListed"]:
        return unknown(f"migration {server['migrationId']} names this server, and MGN does not list it")
    if not server["needsReplication"]:
        return None
    state, error = server["replicationState"], server.optional("replicationError")
    because = f": {error}" if error else ""
    about = {"value": state, "evidence": (f"wave {server['wave']}", f"migration {server['migrationId']}")}
    if server["isArchived"]:
        return critical("the server is archived", **about)
    if state in REPLICATION_TERMINAL:
        return critical(f"replication is {state}{because}", **about)
    if state not in REPLICATION_READY | REPLICATION_WAITING:
        return unknown(f"replication is {state}{because}", **about)
    if error:
        return critical(f"replication is {state} and reports an error{because}", **about)
    if state == "PAUSED":
        return warning("replication is PAUSED: somebody paused it and must resume it", **about)
    return ok(f"replication is {state}", value=state)


@check(
    HEALTH,
    about=lost_launches.LOST,
    route=Route.PAGE,
    title="Launches that took effect after the end",
    section="Daily Operations, 4. Migration Status Dashboard",
    empty="ok",
    risk=(
        "The ledger says that nothing of it runs, and MGN launches it: a second server may do the work of the first."
    ),
    remedy=(
        "Look at the server's last job in MGN (tag migration-ops:intent). If the launch is not wanted, run "
        "migration_rollback for its migration id."
    ),
)
def mgn_launch_after_end(server: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Servers of rolled back or failed migrations with a launch whose answer was lost: MGN must not show it."""
    about = f"{server['migrationId']} is {server['status']}"
    evidence = (f"wave {server['wave']}", f"run {server.optional('dagRunId')}", ", ".join(server["intents"]))
    if not server["isListed"] or server.optional("isArchived"):
        return ok(f"{about}; MGN does not list the server any more, or it is archived", evidence=evidence)
    state = server.optional("lifecycleState")
    if state is None:
        return unknown(f"{about}; MGN does not say the server's lifecycle state", evidence=evidence)
    if state in _LAUNCHING:
        return critical(f"{about}, and MGN shows {state}", value=state, evidence=evidence)
    return ok(f"{about}, MGN shows {state}", value=state, evidence=evidence)


@check(
    COST,
    about=staging.STAGING,
    title="Staging resources of ended migrations",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="h",
    empty="ok",
    risk=("Replication servers, volumes and snapshots cost money although no migration uses them."),
    remedy=(
        "Finalize the server or disconnect it in MGN, which removes them; delete by hand only what MGN does not know."
    ),
)
def mgn_staging_leftover(resource: Snapshot, estate: Snapshot, limits: Thresholds) -> CheckResult:
    """Replication servers, staging volumes and snapshots of servers whose migration or replication has ended."""
    grace, idle_hours = limits.cost.staging_grace_hours, limits.cost.idle_days * 24
    what = f"{resource['kind']} {resource.optional('label', '')}".strip()
    age = resource["ageHours"]
    server_id, migration = resource.optional("sourceServerId"), resource.optional("migration")
    server = resource.optional("server")
    if age <= grace:
        return ok(f"{what}: made {age:g} h ago", value=age, limit=grace)
    if server_id is None:
        # Replication servers work for several source servers, and have the id of none.
        others = estate.path("staging.replicating")
        if others:
            return ok(f"{what}: {others} servers replicate", value=age, limit=grace)
        return warning(f"{what}: nothing replicates any more", value=age, limit=grace)
    if migration is None:
        return _without_migration(f"{what}: ", server_id, server, {"value": age, "limit": grace})
    status, since = migration["status"], migration.optional("hoursSince")
    if since is None:
        return unknown(f"{what}: the ledger does not say since when {migration['migrationId']} is {status}")
    limit = grace if status == "COMPLETED" else idle_hours
    seen = {"value": since, "limit": limit, "evidence": (migration.plain(), server.plain() if server else {})}
    said = f"{what}: {migration['migrationId']} is {status} since {since:g} h"
    return warning(said, **seen) if status in TRIED | {"COMPLETED"} and since > limit else ok(said, **seen)


def _without_migration(what: str, server_id: str, server: Snapshot | None, seen: dict[str, Any]) -> CheckResult:
    """A server that the ledger does not know may be waiting for its wave: then it replicates."""
    if server is None:
        return warning(f"{what}neither MGN nor the ledger knows {server_id}", **seen)
    state, seen = server.optional("replicationState"), seen | {"evidence": (server.plain(),)}
    if server.optional("isArchived"):
        return warning(f"{what}{server_id} is archived, and the ledger knows no migration of it", **seen)
    if state in REPLICATION_TERMINAL:
        return warning(f"{what}replication of {server_id} is {state}, and the ledger knows no migration of it", **seen)
    replicates = server.optional("replicates")
    if replicates is None:
        return unknown(f"{what}MGN does not say whether {server_id} replicates ({state or 'no state'})", **seen)
    if not replicates:
        return warning(f"{what}{server_id} does not replicate, and the ledger knows no migration of it", **seen)
    return ok(f"{what}{server_id} replicates ({state}), its migration has not begun", **seen)


@check(
    COST,
    about=staging.LAUNCHED,
    title="Leftover test instances",
    section="Maintenance Tasks, Monthly 3. Cost Optimization",
    unit="h",
    empty="ok",
    risk=("A forgotten copy of a server runs: it costs money, and may do the server's work a second time."),
    remedy=(
        "Make sure that it is not the server in use, then terminate it (in MGN, or in EC2 when MGN names "
        "another instance)."
    ),
)
def mgn_launched_instance_leftover(instance: Snapshot, _: Snapshot, limits: Thresholds) -> CheckResult:
    """Launched instances that are not the current one. If MGN no longer lists the server, its instance is current."""
    grace, age = limits.cost.staging_grace_hours, instance["ageHours"]
    server, migration = instance.optional("server"), instance.optional("migration")
    seen = {"value": age, "limit": grace}
    named = (server and server.optional("launchedInstanceId"), migration and migration.optional("instanceId"))
    current = {str(one) for one in named if one}
    if server is None or server.optional("isArchived") or instance["name"] in current:
        return ok("the instance of its server", **seen)
    said = f"{instance['state']} since {age:g} h; MGN and the ledger name {', '.join(sorted(current)) or 'no instance'}"
    if age <= grace:
        return ok(said, **seen)
    return warning(said, evidence=(server.plain(), {"sourceServerId": instance["sourceServerId"]}), **seen)
