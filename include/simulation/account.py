"""One simulated account: MGN, EC2, SSM and the ledger's table, and the services that a task gets."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from typing import Any

from include.sandbox.faults import FaultBook
from include.sandbox.mgn.service import Mgn
from include.simulation.ec2 import Ec2Client, SimulatedEc2
from include.simulation.mgn import MgnClient, add_applications, hook_on, make_mgn
from include.simulation.ssm import SimulatedSsm, Source
from include.simulation.table import Change, MemoryTable, TableClient
from include.simulation.world import World
from migration_ops.core.settings import Settings
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Holder
from migration_ops.wave.services import Services

# The defaults, but with fewer polls, so that a schedule takes milliseconds.
SETTINGS = Settings(job_poll_seconds=60.0, boot_poll_seconds=60.0, ledger_poll_seconds=300.0, check_poll_seconds=60.0)
_QUIET = logging.Logger("simulation", logging.CRITICAL + 1)


def managed_id(server_id: str) -> str:
    """The managed node of a source server."""
    return f"mi-{server_id[2:]}"


@dataclass
class Options:
    """Options of an account.

    :param shows_tags: whether MGN's answers show the tags of jobs.
    :param command_failures: share of commands (0 to 1) that fail on the source server.
    """

    seed: int = 0
    shows_tags: bool = True
    command_failures: float = 0.0


class Sts:
    """STS: says which account this is."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}


@dataclass
class Account:
    """The services of the account, connected to one world."""

    world: World
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        self.book = FaultBook(self.options.seed)
        self.ec2 = SimulatedEc2(self.world)
        self.mgn: Mgn = make_mgn(self.world, self.ec2, self.book, self.options.seed)
        self.table = MemoryTable(self.world.clock.now)
        dice = random.Random(self.options.seed)
        self.ssm = SimulatedSsm(self.world, {}, dice, self.options.command_failures)
        self.hook = hook_on(MgnClient(self.world, self.mgn, shows_tags=self.options.shows_tags))
        self._clients = {
            "ec2": Ec2Client(self.world, self.ec2),
            "ssm": self.ssm,
            "sts": Sts(),
            "dynamodb": TableClient(self.table, self._transaction, self._table_read),
        }

    def add(self, applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Seeds applications with their source servers; returns them as in a wave's conf."""
        listed = add_applications(self.mgn, applications)
        for server in [one["sourceServerId"] for app in listed for one in app["servers"]]:
            machine = self.mgn.own.account.servers[server].machine
            self.ssm.sources[managed_id(server)] = Source(server, machine.hostname, machine.private_ip)
        return listed

    def source(self, server_id: str) -> Source:
        return self.ssm.sources[managed_id(server_id)]

    def client(self, name: str) -> Any:
        return self._clients[name]

    def _transaction(self, execute: Any) -> Any:
        world = self.world
        actor = world.actor

        def executed() -> list[Change]:
            changes: list[Change] = execute()
            if world.watcher is not None:
                world.watcher.recorded(actor, changes)
            return changes

        return world.send("dynamodb", "TransactWriteItems", (actor.app,) if actor and actor.app else (), executed)

    def _table_read(self, execute: Any) -> Any:
        return self.world.read("BatchGetItem", lambda kind: execute())

    def services(self, holder: Holder, ended: Any, skew_seconds: float = 0.0) -> Services:
        """The services of a task, on a worker whose clock is ahead by ``skew_seconds``.

        :param ended: says whether the run of a lock's holder has ended.
        """

        def now() -> Any:
            return self.world.clock.moment(skew_seconds)

        return Services(
            settings=SETTINGS,
            mgn=self.hook,
            ledger=DynamoDbLedger(self._clients["dynamodb"], SETTINGS.table_name, now),
            holder=holder,
            client=self.client,
            cmdb=_not_simulated,
            callback=_not_simulated,
            check_callback_url=lambda url: None,
            run_ended=ended,
            now=now,
            log=_QUIET,
        )


def _not_simulated(*_: Any) -> Any:
    raise NotImplementedError("the CMDB and the callback are not part of the simulation")
