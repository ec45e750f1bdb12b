"""The embedded account of a benchmark: addresses, the package's resources, and an estate of a wanted size."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

import requests

from include.local import airflow_env, resources
from include.sandbox.client import SandboxClient
from include.sandbox.cmf.seed import seed_from_estate
from include.sandbox.sandbox import Sandbox

Document = dict[str, Any]
Calls = Counter[tuple[str, str]]
# What the sandbox counts beside AWS.
NEIGHBOURS = frozenset({"cmf", "callback"})
_numbers = count(1)


@dataclass(frozen=True)
class Account:
    """One sandbox with the package's resources in it.

    :param environment: what a process needs to use it: the SDK's variables, connections, ``MIGRATION_OPS_*``.
    """

    endpoints: Mapping[str, str]
    environment: Mapping[str, str]

    @property
    def control(self) -> SandboxClient:
        return SandboxClient(self.endpoints["SANDBOX_CONTROL_URL"])

    def calls(self) -> Calls:
        """Calls received so far, by service and operation."""
        return Counter({(one["service"], one["operation"]): one["count"] for one in self.control.calls()})

    def applications(self, number: int, servers_each: int, **spec: Any) -> list[Document]:
        """New applications with healthy servers in MGN and, with their ids, in the CMDB; as a wave conf takes them."""
        batch = next(_numbers)
        specs = [{"appName": f"b{batch}-app-{n:02d}", "servers": servers_each, **spec} for n in range(1, number + 1)]
        made: list[Document] = self.control.add_estate({"applications": specs})["applications"]
        self._add_to_cmdb(batch * 10_000, made)
        return made

    def _add_to_cmdb(self, first_id: int, applications: list[Document]) -> None:
        hosts = [
            (app["appName"], [f"{app['appName']}-{n:02d}" for n, _ in enumerate(app["servers"], start=1)])
            for app in applications
        ]
        seed = seed_from_estate(
            f"bench {first_id}", hosts, wave_id=str(first_id), first_app_id=first_id, first_server_id=first_id
        )
        ids = count(first_id)
        for app in applications:
            for server in app["servers"]:
                server["cmdbId"] = str(next(ids))
        session = requests.Session()
        session.trust_env = False
        session.post(f"{self.endpoints['SANDBOX_CMF_URL']}/_sandbox/cmf/seed", json=seed, timeout=60).raise_for_status()

    def conf(self, wave: str, applications: list[Document], **changes: Any) -> Document:
        """A whole wave, from test launch to finalize, with CMDB, callback and both approvals."""
        return {
            "wave": wave,
            "dryRun": False,
            "accountId": "123456789012",
            "region": self.endpoints["AWS_DEFAULT_REGION"],
            "applications": applications,
            "replication": {"maxLagSeconds": 600, "samples": 1, "pollSeconds": 1, "timeoutMinutes": 30},
            "finalSync": {"maxLagSeconds": 60, "maxBackloggedBytes": 0, "timeoutMinutes": 10},
            "cmdb": {"enabled": True},
            "callbackUrl": f"{self.endpoints['SANDBOX_CALLBACK_URL']}/migrations",
        } | changes


def account_of(endpoints: Mapping[str, str], made: Mapping[str, str] | None = None) -> Account:
    """A running sandbox.

    :param made: the ``MIGRATION_OPS_*`` variables of resources that exist already; None makes them.
    """
    found = resources.make(endpoints) if made is None else dict(made)
    connections = airflow_env.connections(endpoints)
    return Account(endpoints, {**endpoints, **airflow_env.no_aws_defaults(), **connections, **found})


@contextmanager
def fresh_account(speed: float) -> Iterator[Account]:
    """A sandbox of its own in threads of this process."""
    with Sandbox(speed=speed, seed="empty", shown="wall") as box:
        yield account_of(box.environment)


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """The variables in this process's environment, until the block ends."""
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
