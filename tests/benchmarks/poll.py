"""(b) What waiting costs: DescribeSourceServers per poll, and worker slots."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration_ops.operators.triggers import WatchTrigger
from tests.benchmarks.account import Account, environment, fresh_account
from tests.benchmarks.report import table

APPLICATIONS, SERVERS_EACH = 20, 10
# Each wait is over after exactly this many good looks in a row: so it says how many polls there were.
POLLS = 5
POLL_SECONDS = 2.0
SPREAD_SECONDS = 1.5
DESCRIBE = ("mgn", "DescribeSourceServers")
LAUNCHABLE = ["READY_FOR_CUTOVER", "READY_FOR_TEST", "TESTING"]


@dataclass(frozen=True)
class Waited:
    """:param polls: how often each wait was shown its servers; all of them the same by design."""

    calls: int
    polls: int
    seconds: float

    @property
    def per_poll(self) -> float:
        return self.calls / self.polls


async def wait_together(account: Account, groups: list[list[str]], connections: list[str], spread: float) -> Waited:
    """Runs one trigger per group of servers in this loop, as a triggerer does, until all are over.

    :param connections: the Airflow connection of each trigger; those with the same one share a poll.
    :param spread: the triggers start evenly within so many seconds.
    """
    before, began = account.calls()[DESCRIBE], time.perf_counter()

    async def one(number: int, servers: list[str], connection: str) -> str:
        await asyncio.sleep(spread * number / len(groups))
        trigger = _trigger(servers, connection, account.endpoints["AWS_DEFAULT_REGION"])
        async for event in trigger.run():
            return str(event.payload["reason"])
        return "no event"

    ended = await asyncio.gather(*(one(n, *pair) for n, pair in enumerate(zip(groups, connections, strict=True))))
    if set(ended) != {"met"}:
        raise RuntimeError(f"the waits ended otherwise than meant: {sorted(set(ended))}")
    return Waited(account.calls()[DESCRIBE] - before, POLLS, time.perf_counter() - began)


def _trigger(servers: list[str], connection: str, region: str) -> WatchTrigger:
    until = {"maxLagSeconds": 600, "samples": POLLS, "final": False, "maxBackloggedBytes": 0, "lifecycle": LAUNCHABLE}
    return WatchTrigger(
        aws_conn_id=connection,
        region=region,
        topic="replication",
        subjects=servers,
        until=until,
        poll_seconds=POLL_SECONDS,
        deadline=time.time() + 600,
        first_poll_seconds=POLL_SECONDS,
    )


def measure() -> dict[str, Waited]:
    """The same 200 servers waited for in three ways."""
    with fresh_account(1.0) as account:
        made = account.applications(APPLICATIONS, SERVERS_EACH)
        apps = [[server["sourceServerId"] for server in app["servers"]] for app in made]
        with environment({**account.environment, **_own_connections(account, len(apps))}):
            return {
                "together": asyncio.run(wait_together(account, apps, ["aws_default"] * len(apps), 0)),
                "spread": asyncio.run(wait_together(account, apps, ["aws_default"] * len(apps), SPREAD_SECONDS)),
                "per application": asyncio.run(wait_together(account, apps, _names(len(apps)), 0)),
            }


def _names(number: int) -> list[str]:
    return [f"bench_{index}" for index in range(number)]


def _own_connections(account: Account, number: int) -> Mapping[str, str]:
    """As many names for the same connection: triggers of different connections share no poll."""
    same: Any = account.environment["AIRFLOW_CONN_AWS_DEFAULT"]
    return {f"AIRFLOW_CONN_{name.upper()}": same for name in _names(number)}


def report() -> str:
    """The table."""
    found = measure()
    servers = APPLICATIONS * SERVERS_EACH
    names = {
        "together": f"this package: {APPLICATIONS} waits that began together",
        "spread": f"this package: {APPLICATIONS} waits that began within {SPREAD_SECONDS:g} s",
        "per application": "peer: a poll of its own for each application's wait (a sensor a task)",
    }
    rows = [(text, found[key].per_poll, found[key].calls, found[key].polls) for key, text in names.items()]
    return "\n\n".join(
        [
            f"## (b) Waiting: {servers} servers in {APPLICATIONS} applications",
            table(("", "DescribeSourceServers per poll", "calls", "polls each wait saw"), rows),
            "Goal: 1. Counted: DescribeSourceServers requests that reached the sandbox, pages of a list each; a wait "
            f"ends after exactly {POLLS} good looks, so calls / {POLLS} = calls per poll. "
            f"How: the package's own trigger, one a task, in one event loop as in a triggerer, a poll "
            f"every {POLL_SECONDS:g} s. The peers are the same "
            "trigger under connections of different names, which share nothing; "
            f"with a sensor for each server it would be {servers} per poll. Waits that begin apart cost a little "
            "more than 1: the last of them needs its looks after the first has had all its own.",
            "Worker slots while waiting: see (c), where the task instances of a waiting wave are counted on Airflow.",
        ]
    )
