"""One MGN account in one Region: its state, its lock, its ids and its quotas. Operations hold ``lock``."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.clock import Clock
from include.sandbox.mgn.errors import NotFoundError, UninitializedError
from include.sandbox.mgn.estate import Group, Job, Server

_HEX = "0123456789abcdef"


@dataclass
class Quotas:
    """Source: AWS General Reference, "AWS Application Migration Service endpoints and quotas"."""

    active_jobs: int = 20
    servers_in_active_jobs: int = 200
    replicating_servers: int = 150
    active_waves: int = 200
    active_applications: int = 200
    archived_waves: int = 10_000
    archived_applications: int = 10_000
    applications_per_wave: int = 1_000
    servers_per_application: int = 200
    # Whether the job quotas arrive as ServiceQuotaExceededException or ConflictException is not documented.
    job_quota_error: str = "ServiceQuotaExceededException"


@dataclass
class Account:
    """State of an account. Servers are read through :meth:`server` or :meth:`all_servers`, which settle them."""

    account_id: str
    region: str
    clock: Clock
    is_initialized: bool = True
    quotas: Quotas = field(default_factory=Quotas)
    seed: int = 0
    servers: dict[str, Server] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    applications: dict[str, Group] = field(default_factory=dict)
    waves: dict[str, Group] = field(default_factory=dict)
    launch_templates: dict[str, dict[str, Any]] = field(default_factory=dict)
    replication_templates: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._random = random.Random(f"{self.seed}/{self.account_id}/{self.region}")

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-" + "".join(self._random.choices(_HEX, k=17))

    def arn(self, kind: str, resource_id: str) -> str:
        return f"arn:aws:mgn:{self.region}:{self.account_id}:{kind}/{resource_id}"

    def seconds_between(self, shortest: float, longest: float) -> float:
        return self._random.uniform(shortest, longest)

    def require_initialized(self) -> None:
        """:raises UninitializedError: InitializeService was never called for this account and Region."""
        if not self.is_initialized:
            raise UninitializedError("This account is not initialized for Application Migration Service")

    def server(self, server_id: str) -> Server:
        """:raises NotFoundError: no such server."""
        found = self.servers.get(server_id)
        if found is None:
            raise NotFoundError("SourceServer", server_id)
        found.settle(self.clock.now())
        return found

    def all_servers(self) -> Iterable[Server]:
        now = self.clock.now()
        for server in self.servers.values():
            server.settle(now)
            yield server

    def application(self, application_id: str) -> Group:
        if application_id not in self.applications:
            raise NotFoundError("Application", application_id)
        return self.applications[application_id]

    def wave(self, wave_id: str) -> Group:
        if wave_id not in self.waves:
            raise NotFoundError("Wave", wave_id)
        return self.waves[wave_id]

    def applications_of(self, wave_id: str) -> list[Group]:
        return [one for one in self.applications.values() if one.parent_id == wave_id]

    def servers_of(self, application_id: str) -> list[Server]:
        members = [one for one in self.servers.values() if one.application_id == application_id]
        now = self.clock.now()
        for server in members:
            server.settle(now)
        return members

    def active_jobs(self) -> list[Job]:
        return [job for job in self.jobs.values() if job.is_active]

    def active_job_of(self, server_id: str) -> Job | None:
        for job in self.active_jobs():
            if any(one.server_id == server_id for one in job.participants):
                return job
        return None
