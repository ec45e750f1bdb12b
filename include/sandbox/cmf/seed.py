"""Seeds: waves, applications and servers that CMF shall know, in its own form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from include.sandbox.cmf.store import CmfStore

FIRST_SERVER_ID = 101
# The wave of include/waves/demo.json and its applications in the order of that conf, with their number of servers.
DEMO_WAVE = "wave-demo"
DEMO_APPLICATIONS = (("billing-db", 2), ("billing", 3), ("portal", 2))


def seed_from_estate(
    wave_name: str,
    applications: Sequence[tuple[str, Sequence[str]]],
    *,
    wave_id: str = "1",
    first_app_id: int = 1,
    first_server_id: int = FIRST_SERVER_ID,
    account_id: str = "123456789012",
    region: str = "us-east-1",
) -> dict[str, list[dict[str, Any]]]:
    """``{"waves", "apps", "servers"}`` for one wave.

    :param applications: (name, host names of its servers); server ids count up over all of them.
    """
    apps: list[dict[str, Any]] = []
    servers: list[dict[str, Any]] = []
    for number, (app_name, host_names) in enumerate(applications, start=first_app_id):
        app = {"app_id": str(number), "app_name": app_name, "wave_id": wave_id}
        apps.append({**app, "aws_accountid": account_id, "aws_region": region})
        for host_name in host_names:
            servers.append(_server(str(first_server_id + len(servers)), str(number), host_name))
    wave = {"wave_id": wave_id, "wave_name": wave_name, "wave_status": "In progress"}
    return {"waves": [wave], "apps": apps, "servers": servers}


def demo_seed(account_id: str = "123456789012", region: str = "us-east-1") -> dict[str, list[dict[str, Any]]]:
    """The demo wave: servers 101-102 (billing-db), 103-105 (billing), 106-107 (portal)."""
    hosts = [(name, [f"{name}-{n:02}" for n in range(1, count + 1)]) for name, count in DEMO_APPLICATIONS]
    return seed_from_estate(DEMO_WAVE, hosts, account_id=account_id, region=region)


def load(store: CmfStore, seed: dict[str, Any]) -> dict[str, int]:
    """Puts a seed in, relations first; returns how many of each. :raises Refusal: an item that CMF would not keep."""
    for schema in ("wave", "app", "server"):
        for item in seed.get(f"{schema}s", []):
            store.put_raw(schema, item)
    return {name: len(seed.get(name, [])) for name in ("waves", "apps", "servers")}


def _server(server_id: str, app_id: str, host_name: str) -> dict[str, Any]:
    return {
        "server_id": server_id,
        "app_id": app_id,
        "server_name": host_name,
        "server_fqdn": f"{host_name}.corp.example.com",
        "server_os_family": "linux",
        "server_os_version": "Ubuntu 22.04",
        "r_type": "Rehost",
        "replication_status": "Healthy",
    }
