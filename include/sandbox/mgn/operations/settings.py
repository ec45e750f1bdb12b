"""Operations on configuration: the service itself, launch and replication settings, managed accounts."""

from __future__ import annotations

from typing import Any

from include.sandbox.mgn import lifecycle
from include.sandbox.mgn.errors import NotFoundError, NotSimulatedError
from include.sandbox.mgn.paging import page_of
from include.sandbox.mgn.render import without_nothing
from include.sandbox.mgn.service import Context, operation

_NOT_SETTINGS = frozenset({"sourceServerID", "accountID"})


@operation("InitializeService")
def initialize_service(context: Context, request: dict[str, Any]) -> None:
    context.account.is_initialized = True


@operation("GetLaunchConfiguration")
def get_launch_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    server = context.account.server(request["sourceServerID"])
    return {"sourceServerID": server.server_id} | server.launch_configuration


@operation("UpdateLaunchConfiguration")
def update_launch_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """:raises NotSimulatedError: post-launch actions with SSM documents: nothing here would run them."""
    server = context.account.server(request["sourceServerID"])
    lifecycle.require_idle(context.account, server, "UpdateLaunchConfiguration")
    if (request.get("postLaunchActions") or {}).get("ssmDocuments"):
        raise NotSimulatedError("UpdateLaunchConfiguration: post-launch actions are not simulated")
    server.launch_configuration.update(_settings(request))
    return {"sourceServerID": server.server_id} | server.launch_configuration


@operation("GetReplicationConfiguration")
def get_replication_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    server = context.account.server(request["sourceServerID"])
    return {"sourceServerID": server.server_id} | server.replication_configuration


@operation("UpdateReplicationConfiguration")
def update_replication_configuration(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    server = context.account.server(request["sourceServerID"])
    lifecycle.require_idle(context.account, server, "UpdateReplicationConfiguration")
    server.replication_configuration.update(_settings(request))
    return {"sourceServerID": server.server_id} | server.replication_configuration


def _settings(request: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in _NOT_SETTINGS}


@operation("DescribeLaunchConfigurationTemplates")
def describe_launch_configuration_templates(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _templates("LaunchConfigurationTemplate", request, list(context.account.launch_templates.values()))


@operation("DescribeReplicationConfigurationTemplates")
def describe_replication_configuration_templates(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    return _templates("ReplicationConfigurationTemplate", request, list(context.account.replication_templates.values()))


def _templates(kind: str, request: dict[str, Any], templates: list[dict[str, Any]]) -> dict[str, Any]:
    """Unlike the other describes these operations have a ResourceNotFoundException."""
    member = f"{kind[0].lower()}{kind[1:]}ID"
    wanted = request.get(f"{member}s") or []
    for unknown in set(wanted) - {one[member] for one in templates}:
        raise NotFoundError(kind, unknown)
    found = [one for one in templates if not wanted or one[member] in wanted]
    page, token = page_of(f"Describe{kind}s", request, found)
    return without_nothing({"items": page, "nextToken": token})


@operation("ListManagedAccounts")
def list_managed_accounts(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    others = [{"accountId": one} for one in context.mgn.contexts if one != context.mgn.account_id]
    page, token = page_of("ListManagedAccounts", request, others)
    return without_nothing({"items": page, "nextToken": token})
