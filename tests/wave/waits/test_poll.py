"""The shared poll: how often AWS is asked, who is told what, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDenied, Invalid
from migration_ops.core.errors import MigrationError, Throttled, Unknown
from migration_ops.wave.waits import poll
from migration_ops.wave.waits.conditions import ApiError
from migration_ops.wave.waits.feeds import Feed, Readers
from migration_ops.wave.waits.poll import Observations, subscribe, watch
from tests.aws.scripted_aws import ScriptedAws, nothing_left, server_id, source_server

KEY = ("aws_default", "us-east-1")
TICK = 0.1


class Source:
    """Readers that count: ``faults`` are raised one by one, ``bad`` ids make a whole request invalid."""

    def __init__(self) -> None:
        self.reads: list[tuple[Feed, list[str]]] = []
        self.read_at: list[float] = []
        self.connects = 0
        self.threads: set[int] = set()
        self.faults: list[Exception] = []
        self.bad: set[str] = set()

    def connect(self, aws_conn_id: str | None, region: str | None) -> Readers:
        self.connects += 1
        self.threads.add(threading.get_ident())
        return {feed: self._reader(feed) for feed in Feed}

    def _reader(self, feed: Feed) -> Callable[[list[str]], dict[str, Any]]:
        def read(ids: list[str]) -> dict[str, Any]:
            self.threads.add(threading.get_ident())
            self.reads.append((feed, ids))
            self.read_at.append(time.monotonic())
            if self.faults:
                raise self.faults.pop(0)
            if self.bad & set(ids):
                raise Invalid("bad id")
            return {one: f"{feed.value} {one}" for one in ids if not one.startswith("absent")}

        return read

    def of(self, feed: Feed) -> list[list[str]]:
        return [ids for one, ids in self.reads if one is feed]


@pytest.fixture
def source() -> Source:
    return Source()


def run(scenario: Callable[[], Awaitable[Any]]) -> Any:
    """Runs a scenario in its own loop and checks that it leaves no task and no poll behind."""

    async def checked() -> Any:
        result = await scenario()
        assert await nothing_left(), asyncio.all_tasks()
        assert not poll._polls.get(asyncio.get_running_loop())
        return result

    return asyncio.run(checked())


async def take(
    source: Source, wants: dict[Feed, set[str]], count: int = 1, poll_seconds: float = TICK, first: float = 0.02
) -> list[Observations]:
    seen: list[Observations] = []
    frozen = {feed: frozenset(ids) for feed, ids in wants.items()}
    async with aclosing(watch(KEY, frozen, poll_seconds, first, source.connect)) as polls:
        async for observations in polls:
            seen.append(observations)
            if len(seen) == count:
                break
    return seen


def test_twenty_waiters_of_ten_servers_are_one_request(aws: ScriptedAws) -> None:
    groups = [frozenset(server_id(10 * n + m) for m in range(10)) for n in range(20)]
    aws.servers.update({one: source_server(one) for group in groups for one in group})

    async def one_poll(group: frozenset[str]) -> set[str]:
        async with aclosing(subscribe((None, "us-east-1"), Feed.SERVERS, group, 60, 0.05)) as polls:
            async for seen in polls:
                return {one for one, view in seen.items() if view.replication_state == "CONTINUOUS"}
        return set()

    async def scenario() -> list[set[str]]:
        return await asyncio.gather(*(one_poll(group) for group in groups))

    assert run(scenario) == [set(group) for group in groups]
    assert aws.calls == {"DescribeSourceServers": 1}


def test_two_hundred_and_one_servers_are_two_requests(aws: ScriptedAws) -> None:
    ids = [server_id(n) for n in range(201)]
    aws.servers.update({one: source_server(one) for one in ids})

    async def scenario() -> int:
        polls = subscribe((None, "us-east-1"), Feed.SERVERS, frozenset(ids), 60, 0.05)
        async with aclosing(polls):
            return len(await anext(polls))

    assert run(scenario) == 201
    assert aws.calls == {"DescribeSourceServers": 2}


def test_every_poll_reads_the_union_once(source: Source) -> None:
    async def scenario() -> Any:
        return await asyncio.gather(*(take(source, {Feed.SERVERS: {f"s{n}", "shared"}}, count=3) for n in range(5)))

    results = run(scenario)
    assert source.of(Feed.SERVERS) == [["s0", "s1", "s2", "s3", "s4", "shared"]] * 3
    assert source.connects == 1
    for number, polls in enumerate(results):
        expected = {one: f"servers {one}" for one in (f"s{number}", "shared")}
        assert polls == [{Feed.SERVERS: expected}] * 3


def test_only_what_somebody_waits_for_is_read(source: Source) -> None:
    async def scenario() -> Any:
        return await asyncio.gather(
            take(source, {Feed.JOBS: {"j1"}}),
            take(source, {Feed.SERVERS: {"s1"}, Feed.INSTANCES: {"i1"}, Feed.LEDGER: set()}),
        )

    run(scenario)
    assert sorted(source.reads) == [(Feed.INSTANCES, ["i1"]), (Feed.JOBS, ["j1"]), (Feed.SERVERS, ["s1"])]


def test_nothing_to_read_needs_no_connection(source: Source) -> None:
    assert run(lambda: take(source, {}, count=2)) == [{}, {}]
    assert source.connects == 0


def test_reads_and_connection_lookup_leave_the_loop_alone(source: Source) -> None:
    run(lambda: take(source, {Feed.JOBS: {"j1"}}))
    assert threading.get_ident() not in source.threads


def test_an_absent_id_is_absent(source: Source) -> None:
    [seen] = run(lambda: take(source, {Feed.SERVERS: {"absent1", "s1"}}))
    assert seen == {Feed.SERVERS: {"s1": "servers s1"}}


def test_no_poll_before_the_first_poll_is_due(source: Source) -> None:
    started = time.monotonic()
    run(lambda: take(source, {Feed.SERVERS: {"s1"}}, first=0.3))
    assert source.read_at[0] - started >= 0.3


def test_a_newcomer_is_not_polled_too_soon_and_joins_a_poll_that_is_due_anyway(source: Source) -> None:
    async def scenario() -> None:
        async def newcomer() -> None:
            await asyncio.sleep(0.1)
            await take(source, {Feed.SERVERS: {"new"}}, first=0.3, poll_seconds=0.2)

        await asyncio.gather(take(source, {Feed.SERVERS: {"old"}}, count=4, poll_seconds=0.2), newcomer())

    started = time.monotonic()
    run(scenario)
    together = source.of(Feed.SERVERS).index(["new", "old"])
    assert source.read_at[together] - started >= 0.4
    assert ["new"] not in source.of(Feed.SERVERS)


def test_a_patient_waiter_is_not_read_for_an_impatient_one(source: Source) -> None:
    async def scenario() -> None:
        patient = asyncio.create_task(take(source, {Feed.SERVERS: {"slow"}}, count=2, poll_seconds=1.0))
        await take(source, {Feed.JOBS: {"fast"}}, count=14, poll_seconds=0.05)
        assert len(source.of(Feed.SERVERS)) == 1
        await patient

    run(scenario)
    gap = [at for (feed, _), at in zip(source.reads, source.read_at, strict=True) if feed is Feed.SERVERS]
    assert 0.89 <= gap[1] - gap[0] <= 1.4


def test_who_leaves_is_read_no_more(source: Source) -> None:
    async def scenario() -> None:
        await asyncio.gather(
            take(source, {Feed.SERVERS: {"short"}}, count=1), take(source, {Feed.SERVERS: {"long"}}, count=3)
        )

    run(scenario)
    assert source.of(Feed.SERVERS) == [["long", "short"], ["long"], ["long"]]


def test_a_cancelled_waiter_leaves_no_poll(source: Source) -> None:
    async def scenario() -> None:
        task = asyncio.create_task(take(source, {Feed.SERVERS: {"s1"}}, count=99))
        await asyncio.sleep(0.25)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        reads = len(source.reads)
        await asyncio.sleep(3 * TICK)
        assert len(source.reads) == reads

    run(scenario)
    assert source.reads


def test_a_waiter_cancelled_during_a_read_does_not_disturb_the_others(source: Source) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def connect(*_: Any) -> Readers:
        def read(ids: list[str]) -> dict[str, Any]:
            entered.set()
            go_on.wait(5)
            return dict.fromkeys(ids, "seen")

        return {Feed.SERVERS: read}

    source.connect = connect  # type: ignore[method-assign]

    async def scenario() -> Any:
        leaver = asyncio.create_task(take(source, {Feed.SERVERS: {"leaver"}}))
        stayer = asyncio.create_task(take(source, {Feed.SERVERS: {"stayer"}}))
        await asyncio.to_thread(entered.wait, 5)
        leaver.cancel()
        await asyncio.sleep(0)
        go_on.set()
        return await stayer

    assert run(scenario) == [{Feed.SERVERS: {"stayer": "seen"}}]


@pytest.mark.parametrize("fault", [Unknown("boom"), Throttled("slow down"), AccessDenied("no")])
def test_a_failed_read_is_told_to_all_who_wait_for_it(source: Source, fault: MigrationError) -> None:
    source.faults = [fault]

    async def scenario() -> Any:
        return await asyncio.gather(*(take(source, {Feed.SERVERS: {one}}, count=2) for one in ("a", "b")))

    for one, polls in zip(("a", "b"), run(scenario), strict=True):
        assert polls[0] == {Feed.SERVERS: {one: ApiError(str(fault))}}
        assert polls[1] == {Feed.SERVERS: {one: f"servers {one}"}}
    assert source.connects == (2 if isinstance(fault, AccessDenied) else 1)


def test_a_failed_feed_leaves_the_other_feeds_alone(source: Source) -> None:
    def connect(*_: Any) -> Readers:
        def fail(ids: list[str]) -> dict[str, Any]:
            raise Unknown("boom")

        return {Feed.SERVERS: fail, Feed.JOBS: lambda ids: dict.fromkeys(ids, "fine")}

    source.connect = connect  # type: ignore[method-assign]

    async def scenario() -> Any:
        return await asyncio.gather(take(source, {Feed.SERVERS: {"s"}}), take(source, {Feed.JOBS: {"j"}}))

    [[servers], [jobs]] = run(scenario)
    assert isinstance(servers[Feed.SERVERS]["s"], ApiError)
    assert jobs == {Feed.JOBS: {"j": "fine"}}


def test_one_bad_id_blinds_only_those_who_asked_for_it(source: Source) -> None:
    source.bad = {"bad"}

    async def scenario() -> Any:
        groups: list[set[str]] = [{"good", "shared"}, {"bad", "shared"}]
        return await asyncio.gather(*(take(source, {Feed.SERVERS: group}) for group in groups))

    [[good], [bad]] = run(scenario)
    assert good == {Feed.SERVERS: {"good": "servers good", "shared": "servers shared"}}
    assert isinstance(bad[Feed.SERVERS]["bad"], ApiError)
    assert bad[Feed.SERVERS]["shared"] == "servers shared"


def test_an_unusable_connection_is_told_and_tried_again(source: Source) -> None:
    connects = Counter[str]()
    connected = source.connect

    def connect(aws_conn_id: str | None, region: str | None) -> Readers:
        connects["all"] += 1
        if connects["all"] == 1:
            raise AccessDenied("role refused")
        return connected(aws_conn_id, region)

    source.connect = connect  # type: ignore[method-assign]
    first, second = run(lambda: take(source, {Feed.SERVERS: {"s"}}, count=2))
    assert isinstance(first[Feed.SERVERS]["s"], ApiError)
    assert second == {Feed.SERVERS: {"s": "servers s"}}


def test_throttling_slows_the_poll_down_at_most_fivefold_and_ends(source: Source) -> None:
    source.faults = [Throttled("slow down")] * 4
    run(lambda: take(source, {Feed.SERVERS: {"s"}}, count=6, poll_seconds=0.05))
    gaps = [b - a for a, b in zip(source.read_at, source.read_at[1:], strict=False)]
    for gap, factor in zip(gaps, [2, 4, 5, 5, 1], strict=True):
        assert 0.05 * factor * 0.89 <= gap <= 0.05 * factor * 1.11 + 0.5, gaps
    assert gaps[4] < gaps[3]


def test_the_interval_varies(source: Source) -> None:
    run(lambda: take(source, {Feed.SERVERS: {"s"}}, count=6))
    gaps = [b - a for a, b in zip(source.read_at, source.read_at[1:], strict=False)]
    assert min(gaps) >= 0.089, gaps
    assert max(gaps) - min(gaps) > 0.002


def test_a_fault_of_ours_is_raised_by_every_waiter(source: Source) -> None:
    source.faults = [ZeroDivisionError("a bug")]

    async def scenario() -> Any:
        waits = (take(source, {Feed.SERVERS: {one}}) for one in ("a", "b"))
        return await asyncio.gather(*waits, return_exceptions=True)

    assert [type(one) for one in run(scenario)] == [ZeroDivisionError, ZeroDivisionError]
    assert run(lambda: take(source, {Feed.SERVERS: {"a"}})), "the next wait starts a new poll"


def test_keys_do_not_share(source: Source) -> None:
    async def one(region: str) -> None:
        async with aclosing(watch(("c", region), {Feed.JOBS: frozenset({region})}, TICK, 0.0, source.connect)) as polls:
            await anext(polls)

    async def scenario() -> None:
        await asyncio.gather(one("eu-west-1"), one("us-east-1"))

    run(scenario)
    assert sorted(source.of(Feed.JOBS)) == [["eu-west-1"], ["us-east-1"]]
    assert source.connects == 2
