"""What preflight reads once for all its checks: the servers, the jobs in flight, the locks and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

from migration_ops.aws.errors import attempt
from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.protocol import Holder, Record
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.services import Services

T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """Each fact is a value or the error that kept it from being read; ``known`` raises that error."""

    views: dict[str, ServerView] | MigrationError
    active_jobs: list[JobView] | MigrationError
    locks: dict[str, Holder] | MigrationError
    records: dict[str, Record] | MigrationError

    def without(self, servers: frozenset[str]) -> Facts:
        """The facts without the views of these servers."""
        if isinstance(self.views, MigrationError):
            return self
        return replace(self, views={server: view for server, view in self.views.items() if server not in servers})


def known(fact: T | MigrationError) -> T:
    """The fact, or the error of its read: a check that needs it is UNKNOWN."""
    if isinstance(fact, MigrationError):
        raise fact
    return fact


def gather(services: Services, plan: WavePlan) -> Facts:
    return Facts(
        views=attempt(lambda: services.mgn.describe_servers(list(plan.server_ids))),
        active_jobs=attempt(services.mgn.active_jobs),
        locks=attempt(lambda: services.ledger.locks(list(plan.server_ids))),
        records=attempt(lambda: services.ledger.read(list(plan.migration_ids))),
    )
