"""Operations on source servers: describe, lifecycle, replication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from include.sandbox.mgn import lifecycle
from include.sandbox.mgn.account import Account
from include.sandbox.mgn.estate import Server
from include.sandbox.mgn.paging import page_of
from include.sandbox.mgn.render import server_document, without_nothing
from include.sandbox.mgn.service import OPERATIONS, Context, operation


@operation("DescribeSourceServers")
def describe_source_servers(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    """Unknown ids are absent; without ``isArchived`` archived servers are included; an empty list is no filter."""
    filters = request.get("filters") or {}
    wanted = set(filters.get("sourceServerIDs") or ())
    found = [
        server
        for server in context.account.all_servers()
        if (not wanted or server.server_id in wanted) and _passes(server, filters)
    ]
    page, token = page_of("DescribeSourceServers", request, found)
    return without_nothing({"items": [server_document(one, context.clock) for one in page], "nextToken": token})


def _passes(server: Server, filters: dict[str, Any]) -> bool:
    for member, value in (
        ("replicationTypes", server.replication_type),
        ("lifeCycleStates", server.lifecycle_state),
        ("applicationIDs", server.application_id),
    ):
        if filters.get(member) and value not in filters[member]:
            return False
    return "isArchived" not in filters or server.is_archived == filters["isArchived"]


@operation("ChangeServerLifeCycleState")
def change_server_life_cycle_state(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    server = context.account.server(request["sourceServerID"])
    lifecycle.change_state(context.account, server, request["lifeCycle"]["state"])
    return server_document(server, context.clock)


@operation("FinalizeCutover")
def finalize_cutover(context: Context, request: dict[str, Any]) -> dict[str, Any]:
    server = context.account.server(request["sourceServerID"])
    lifecycle.finalize(context.account, server)
    return server_document(server, context.clock, lingering=True)


@operation("DeleteSourceServer")
def delete_source_server(context: Context, request: dict[str, Any]) -> None:
    lifecycle.delete(context.account, context.account.server(request["sourceServerID"]))


def _on_server(name: str, rule: Callable[[Account, Server], None]) -> None:
    def handler(context: Context, request: dict[str, Any]) -> dict[str, Any]:
        server = context.account.server(request["sourceServerID"])
        rule(context.account, server)
        return server_document(server, context.clock)

    OPERATIONS[name] = handler


_on_server("DisconnectFromService", lifecycle.disconnect)
_on_server("MarkAsArchived", lifecycle.archive)
_on_server("StartReplication", lifecycle.start_replication)
_on_server("StopReplication", lifecycle.stop_replication)
_on_server("PauseReplication", lifecycle.pause_replication)
_on_server("ResumeReplication", lifecycle.resume_replication)
_on_server("RetryDataReplication", lifecycle.retry_replication)
