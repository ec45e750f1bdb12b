"""Replication in MGN of every server with a migration in progress."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.states import NEEDS_REPLICATION
from migration_ops.ledger.queries import ACTIVE, migrations

# Limit of the filter sourceServerIDs.
SERVERS_A_CALL = 200


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``servers``: ``name`` (source server id), ``migrationId, wave, appName, phase, needsReplication, isListed`` and,
    for those that MGN lists, ``isArchived, lifecycleState, replicationState, replicationError, lagSeconds,
    seenAgeSeconds, backlogBytes, totalBytes, replicatedBytes, eta, hostname``. The ids are from the ledger, so a server
    that MGN does not list is here too.
    """
    known = migrations(reader, ACTIVE)
    if is_failed(known):
        return {"servers": known}
    # A server with two migrations is listed once, with the one that still needs replication.
    by_server = {one["sourceServerId"]: one for one in sorted(known, key=_needs_replication)}
    groups = in_groups(sorted(by_server), SERVERS_A_CALL)
    servers: list[dict[str, Any]] = []
    for ids, views in zip(groups, side_by_side(groups, lambda ids: views_of(reader, ids)), strict=True):
        servers += [_server(one, by_server[one], views) for one in ids]
    return {"servers": servers}


def _needs_replication(migration: dict[str, Any]) -> bool:
    return migration["phase"] in NEEDS_REPLICATION


def views_of(reader: AwsReader, server_ids: list[str]) -> Any:
    """What MGN says, by server id; archived servers too, so that "archived" and "unknown" differ."""

    def read_all() -> dict[str, Any]:
        pages = reader.client("mgn").get_paginator("describe_source_servers")
        found = pages.paginate(filters={"sourceServerIDs": server_ids})
        views = (ServerView.from_api(item, reader.now) for page in found for item in page["items"])
        return {view.source_server_id: _document(view) for view in views}

    return reader.guarded("mgn:describe_source_servers", read_all)


def _document(view: ServerView) -> dict[str, Any]:
    return {
        "isArchived": view.is_archived,
        "lifecycleState": view.lifecycle_state,
        "replicationState": view.replication_state,
        "replicationError": view.replication_error,
        "lagSeconds": view.lag_seconds,
        "seenAgeSeconds": view.seen_age_seconds,
        "backlogBytes": view.backlog_bytes,
        "totalBytes": view.total_bytes,
        "replicatedBytes": view.replicated_bytes,
        "eta": view.eta,
        "hostname": view.hostname,
    }


def _server(server_id: str, migration: dict[str, Any], views: Any) -> dict[str, Any]:
    server = {
        "name": server_id,
        "migrationId": migration["name"],
        **{name: migration[name] for name in ("wave", "appName", "phase")},
        "needsReplication": _needs_replication(migration),
    }
    if is_failed(views):
        return server | {"isListed": views}
    return server | {"isListed": server_id in views} | views.get(server_id, {})


# The lists that checks are about.
SERVERS = Listing("mgn", "servers", read)
