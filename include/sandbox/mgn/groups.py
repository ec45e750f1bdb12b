"""Applications and waves: creation, association, archiving, and the status MGN aggregates for them."""

from __future__ import annotations

from typing import Any

from include.sandbox.mgn.account import Account
from include.sandbox.mgn.errors import ConflictError, QuotaError, refused
from include.sandbox.mgn.estate import ENDED, Group, Server
from include.sandbox.mgn.render import without_nothing

LAGGING_SECONDS = 300.0
_BEFORE_START = frozenset({"DISCOVERED", "PENDING_INSTALLATION", "STOPPED", "NOT_READY", "READY_FOR_TEST"})


def create(account: Account, kind: str, request: dict[str, Any], group_id: str | None = None) -> Group:
    """``kind``: ``wave`` or ``application``. Names are unique among groups of a kind."""
    groups, limit, prefix = _shelf(account, kind)
    if any(one.name == request["name"] for one in groups.values()):
        raise ConflictError(f"A {kind} named {request['name']!r} exists already", resourceType=kind.title())
    if sum(1 for one in groups.values() if not one.is_archived) >= limit:
        raise QuotaError(f"Active {kind}s quota exceeded", f"Active{kind.title()}s", limit)
    new_id, now = group_id or account.new_id(prefix), account.clock.now()
    group = Group(
        new_id,
        account.arn(kind, new_id),
        request["name"],
        now,
        now,
        description=request.get("description"),
        tags=dict(request.get("tags", {})),
    )
    groups[new_id] = group
    return group


def _shelf(account: Account, kind: str) -> tuple[dict[str, Group], int, str]:
    if kind == "wave":
        return account.waves, account.quotas.active_waves, "wave"
    return account.applications, account.quotas.active_applications, "app"


def update(account: Account, kind: str, group: Group, request: dict[str, Any]) -> None:
    groups = _shelf(account, kind)[0]
    _require_active(group, kind)
    name = request.get("name", group.name)
    if any(one.name == name and one is not group for one in groups.values()):
        raise ConflictError(f"A {kind} named {name!r} exists already", resourceType=kind.title())
    group.name, group.description = name, request.get("description", group.description)
    group.modified_at = account.clock.now()


def _require_active(group: Group, kind: str) -> None:
    if group.is_archived:
        raise refused(kind.title(), {group.group_id: "it is archived"}, "Change")


def delete_wave(account: Account, wave: Group) -> None:
    if account.applications_of(wave.group_id):
        raise refused("Wave", {wave.group_id: "it has applications"}, "DeleteWave")
    del account.waves[wave.group_id]


def delete_application(account: Account, application: Group) -> None:
    if account.servers_of(application.group_id):
        raise refused("Application", {application.group_id: "it has source servers"}, "DeleteApplication")
    del account.applications[application.group_id]


def archive_application(account: Account, application: Group) -> None:
    _archive(account, "Application", [application], account.servers_of(application.group_id))


def archive_wave(account: Account, wave: Group) -> None:
    applications = account.applications_of(wave.group_id)
    servers = [server for one in applications for server in account.servers_of(one.group_id)]
    _archive(account, "Wave", [wave, *applications], servers)


def _archive(account: Account, kind: str, groups: list[Group], servers: list[Server]) -> None:
    """All servers archived, CUTOVER or DISCONNECTED; they and the applications are archived with it."""
    if groups[0].is_archived:
        raise refused(kind, {groups[0].group_id: "it is archived already"}, f"Archive{kind}")
    in_the_way = {
        server.server_id: f"state is {server.lifecycle_state}"
        for server in servers
        if not server.is_archived and server.lifecycle_state not in ENDED
    }
    if in_the_way:
        raise refused("SourceServer", in_the_way, f"Archive{kind}")
    shelf, limit = account.applications, account.quotas.archived_applications
    if kind == "Wave":
        shelf, limit = account.waves, account.quotas.archived_waves
    if sum(1 for one in shelf.values() if one.is_archived) >= limit:
        raise QuotaError(f"Archived {kind.lower()}s quota exceeded", f"Archived{kind}s", limit)
    for server in servers:
        server.is_archived = True
    for group in groups:
        group.is_archived, group.modified_at = True, account.clock.now()


def unarchive(account: Account, kind: str, group: Group) -> None:
    groups, limit, _ = _shelf(account, kind)
    if group.is_archived and sum(1 for one in groups.values() if not one.is_archived) >= limit:
        raise QuotaError(f"Active {kind}s quota exceeded", f"Active{kind.title()}s", limit)
    group.is_archived, group.modified_at = False, account.clock.now()


def associate_servers(account: Account, application: Group, server_ids: list[str]) -> None:
    servers = [account.server(one) for one in server_ids]
    _require_active(application, "application")
    own = application.group_id
    taken = {
        one.server_id: "it is archived" if one.is_archived else f"it belongs to {one.application_id}"
        for one in servers
        if one.is_archived or one.application_id not in (None, own)
    }
    if taken:
        raise refused("SourceServer", taken, "AssociateSourceServers")
    limit = account.quotas.servers_per_application
    if len({one.server_id for one in account.servers_of(own)} | set(server_ids)) > limit:
        raise QuotaError("Source servers per application quota exceeded", "ServersPerApplication", limit)
    for one in servers:
        one.application_id = own


def disassociate_servers(account: Account, application: Group, server_ids: list[str]) -> None:
    servers = [account.server(one) for one in server_ids]
    strange = {one.server_id: "not associated" for one in servers if one.application_id != application.group_id}
    if strange:
        raise refused("SourceServer", strange, "DisassociateSourceServers")
    for one in servers:
        one.application_id = None


def associate_applications(account: Account, wave: Group, application_ids: list[str]) -> None:
    applications = [account.application(one) for one in application_ids]
    _require_active(wave, "wave")
    taken = {
        one.group_id: "it is archived" if one.is_archived else f"it belongs to {one.parent_id}"
        for one in applications
        if one.is_archived or one.parent_id not in (None, wave.group_id)
    }
    if taken:
        raise refused("Application", taken, "AssociateApplications")
    limit = account.quotas.applications_per_wave
    if len({one.group_id for one in account.applications_of(wave.group_id)} | set(application_ids)) > limit:
        raise QuotaError("Applications per wave quota exceeded", "ApplicationsPerWave", limit)
    for one in applications:
        one.parent_id = wave.group_id


def disassociate_applications(account: Account, wave: Group, application_ids: list[str]) -> None:
    applications = [account.application(one) for one in application_ids]
    strange = {one.group_id: "not associated" for one in applications if one.parent_id != wave.group_id}
    if strange:
        raise refused("Application", strange, "DisassociateApplications")
    for one in applications:
        one.parent_id = None


def application_document(account: Account, group: Group) -> dict[str, Any]:
    servers = account.servers_of(group.group_id)
    status = _aggregate(account, servers) | {"totalSourceServers": len(servers)}
    return _document(account, group) | without_nothing(
        {"applicationID": group.group_id, "waveID": group.parent_id, "applicationAggregatedStatus": status}
    )


def wave_document(account: Account, group: Group) -> dict[str, Any]:
    applications = account.applications_of(group.group_id)
    servers = [server for one in applications for server in account.servers_of(one.group_id)]
    status = _aggregate(account, servers) | {"totalApplications": len(applications)}
    started = [one.replication.started_at for one in servers if one.replication.started_at is not None]
    if started:
        status["replicationStartedDateTime"] = account.clock.stamp(min(started))
    return _document(account, group) | {"waveID": group.group_id, "waveAggregatedStatus": status}


def _document(account: Account, group: Group) -> dict[str, Any]:
    return without_nothing(
        {
            "arn": group.arn,
            "name": group.name,
            "description": group.description,
            "isArchived": group.is_archived,
            "creationDateTime": account.clock.stamp(group.created_at),
            "lastModifiedDateTime": account.clock.stamp(group.modified_at),
            "tags": dict(group.tags),
        }
    )


def _aggregate(account: Account, servers: list[Server]) -> dict[str, Any]:
    now = account.clock.now()
    lags = [one.replication.lag_seconds(now) or 0.0 for one in servers]
    states = {one.lifecycle_state for one in servers}
    stalled = any(one.replication.state(now) == "STALLED" for one in servers)
    progress = "IN_PROGRESS"
    if states <= _BEFORE_START:
        progress = "NOT_STARTED"
    elif states <= {"CUTOVER"}:
        progress = "COMPLETED"
    return {
        "lastUpdateDateTime": account.clock.stamp(now, False),
        "healthStatus": "ERROR" if stalled else "LAGGING" if max(lags, default=0.0) > LAGGING_SECONDS else "HEALTHY",
        "progressStatus": progress,
    }
