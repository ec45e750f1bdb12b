"""Lag and estimated end of replication by application, read from MGN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from include.local.resources import client
from migration_ops.aws.mgn.servers import ServerView, moment


@dataclass(frozen=True)
class Replication:
    """The worst values of an application's servers. None: not known, because a server does not report it."""

    lag_seconds: float | None = None
    eta: str | None = None
    states: str = ""


def servers_of(conf: Mapping[str, Any]) -> dict[str, list[str]]:
    """Source server ids by application name, from the conf of a wave."""
    return {
        application["appName"]: [server["sourceServerId"] for server in application["servers"]]
        for application in conf.get("applications") or []
    }


def read(endpoints: Mapping[str, str], servers: Mapping[str, list[str]]) -> dict[str, Replication]:
    """Reads all servers once; empty when MGN does not answer: the demo then shows the wave without it."""
    wanted = [server for ids in servers.values() for server in ids]
    if not wanted:
        return {}
    pages = (
        client("mgn", endpoints).get_paginator("describe_source_servers").paginate(filters={"sourceServerIDs": wanted})
    )
    try:
        views = [ServerView.from_api(item) for page in pages for item in page["items"]]
    except (BotoCoreError, ClientError):
        return {}
    by_id = {view.source_server_id: view for view in views}
    return {name: worst(by_id.get(server) for server in ids) for name, ids in servers.items()}


def worst(views: Iterable[ServerView | None]) -> Replication:
    """The largest lag (unknown when one server's is unknown), the latest known end, and all states."""
    found = list(views)
    if not found or any(view is None for view in found):
        return Replication()
    known = [view for view in found if view is not None]
    lags = [view.lag_seconds for view in known if view.lag_seconds is not None]
    ends = sorted(filter(None, (moment(view.eta) for view in known)))
    return Replication(
        lag_seconds=max(lags) if len(lags) == len(known) else None,
        eta=ends[-1].strftime("%H:%M:%S") if ends else None,
        states=", ".join(sorted({view.replication_state or "unknown" for view in known})),
    )
