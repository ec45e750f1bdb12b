"""One shared poll per connection and Region: all waits of a triggerer read AWS together.

Twenty applications that wait for replication cost ``ceil(servers / 200)`` DescribeSourceServers a poll, not one each.
A poll starts with its first waiter and ends with its last.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing, suppress
from contextvars import Context
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from migration_ops.aws.errors import SDK_ERRORS, AccessDenied, Invalid, NotFound, classify
from migration_ops.core.errors import MigrationError, Throttled
from migration_ops.wave.waits.conditions import ApiError
from migration_ops.wave.waits.feeds import Feed, Reader, Readers, readers_of

log = logging.getLogger(__name__)

JITTER = 0.1
MAX_SLOWDOWN = 5.0

Key = tuple[str | None, str | None]
Connect = Callable[[str | None, str | None], Readers]
Wants = Mapping[Feed, frozenset[str]]
# Per feed: the observation by id. A missing id does not exist; an ApiError stands for every id of a failed read.
Observations = dict[Feed, dict[str, Any]]


class Waiter:
    """One subscription. It is read no more often than it asked for, however often others are."""

    def __init__(self, wants: Wants, poll_seconds: float, ready_at: float) -> None:
        self.wants = wants
        self.poll_seconds = poll_seconds
        self.next_at = ready_at
        self.inbox: asyncio.Queue[Observations | Exception] = asyncio.Queue()


class SharedPoll:
    """The one task that polls for all waiters of a key."""

    def __init__(self, key: Key, connect: Connect) -> None:
        self._key = key
        self._connect = connect
        self._readers: Readers | None = None
        self._waiters: dict[Waiter, None] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._slowdown = 1.0
        self._last_poll_at: float | None = None
        self._last_interval = 0.0
        self._jitter = 1.0

    @property
    def is_idle(self) -> bool:
        return not self._waiters

    def join(self, waiter: Waiter) -> None:
        self._waiters[waiter] = None
        self._changed.set()
        if self._task is None:
            # An empty context: Airflow binds the log to the trigger in it, and the poll is no single trigger's.
            self._task = asyncio.create_task(self._run(), name=f"shared poll {self._key}", context=Context())

    def leave(self, waiter: Waiter) -> None:
        """Stops reading for this waiter; the last one ends the poll."""
        self._waiters.pop(waiter, None)
        self._changed.set()
        if self.is_idle and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        try:
            while True:
                await self._sleep_until_due()
                await self._poll()
        except* Exception as group:  # noqa: BLE001 - handed to the waiters, which raise it
            # A fault of ours, not of AWS: every waiter raises it, so that Airflow shows it at each task.
            for waiter in self._waiters:
                waiter.inbox.put_nowait(group.exceptions[0])
        finally:
            self._task = None

    async def _sleep_until_due(self) -> None:
        """Sleeps until a waiter is due and the interval has passed; whoever joins or leaves may change when."""
        while (pause := self._due_at() - _clock()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    def _due_at(self) -> float:
        interval = min(waiter.poll_seconds for waiter in self._waiters)
        first = min(waiter.next_at for waiter in self._waiters)
        # Waiters that are due nearly together (the applications of a wave defer within seconds) share one read.
        due = max(waiter.next_at for waiter in self._waiters if waiter.next_at <= first + interval * JITTER)
        if self._last_poll_at is None:
            return due
        # An impatient waiter that left since must not make a patient one miss its turn.
        return max(due, self._last_poll_at + min(interval, self._last_interval) * self._jitter * self._slowdown)

    async def _poll(self) -> None:
        self._last_poll_at = now = _clock()
        self._last_interval = min(waiter.poll_seconds for waiter in self._waiters)
        self._jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
        due = [waiter for waiter in self._waiters if waiter.next_at <= now]
        for waiter in due:
            waiter.next_at = now + waiter.poll_seconds * (1 - JITTER)
        feeds = sorted({feed for waiter in due for feed in waiter.wants})
        readers = await self._connected(feeds)
        async with asyncio.TaskGroup() as group:
            reads = {feed: group.create_task(self._read(readers[feed], feed, due)) for feed in feeds}
            for waiter in due:
                group.create_task(self._hand_over(waiter, reads))
        self._after(error for _, error in (read.result() for read in reads.values()))

    async def _connected(self, feeds: list[Feed]) -> Readers:
        """The readers; when the connection cannot be used, readers that say so."""
        if self._readers is None and feeds:
            try:
                self._readers = await asyncio.to_thread(self._connect, *self._key)
            except (MigrationError, *SDK_ERRORS) as error:
                fault = classify(error, mutating=False)
                return dict.fromkeys(feeds, partial(_raise, fault))
        return self._readers or {}

    async def _hand_over(
        self, waiter: Waiter, reads: Mapping[Feed, asyncio.Task[tuple[dict[str, Any], MigrationError | None]]]
    ) -> None:
        """A waiter gets its observations as soon as its own feeds are read."""
        observations: Observations = {}
        for feed, ids in waiter.wants.items():
            seen, _ = await asyncio.shield(reads[feed])
            observations[feed] = {one: seen[one] for one in ids if one in seen}
        waiter.inbox.put_nowait(observations)

    async def _read(
        self, reader: Reader, feed: Feed, due: list[Waiter]
    ) -> tuple[dict[str, Any], MigrationError | None]:
        groups = list(dict.fromkeys(waiter.wants[feed] for waiter in due if feed in waiter.wants))
        union = frozenset[str]().union(*groups)
        seen, error = await _read_ids(reader, union)
        if isinstance(error, Invalid | NotFound) and len(groups) > 1:
            # AWS refuses the whole request for one bad id: one wait must not blind the others.
            apart = [await _read_ids(reader, group) for group in groups]
            apart.sort(key=lambda part: part[1] is None)  # an id that one group could read counts as read
            seen = {one: view for part, _ in apart for one, view in part.items()}
        return seen, error

    def _after(self, errors: Iterable[MigrationError | None]) -> None:
        failed = [error for error in errors if error is not None]
        if any(isinstance(error, Throttled) for error in failed):
            self._slowdown = min(MAX_SLOWDOWN, self._slowdown * 2)
            log.warning(
                "AWS throttles the poll of %s; the interval is now %.0f times as long", self._key, self._slowdown
            )
        else:
            self._slowdown = 1.0
        if any(isinstance(error, AccessDenied) for error in failed):
            # The connection may have been changed meanwhile: the next poll looks it up again.
            self._readers = None


async def _read_ids(reader: Reader, ids: frozenset[str]) -> tuple[dict[str, Any], MigrationError | None]:
    try:
        return dict(await asyncio.to_thread(reader, sorted(ids))), None
    except (MigrationError, *SDK_ERRORS) as error:
        fault = classify(error, mutating=False)
        return dict.fromkeys(ids, ApiError(str(fault))), fault


def _raise(fault: MigrationError, _: list[str]) -> dict[str, Any]:
    raise fault


def _clock() -> float:
    return asyncio.get_running_loop().time()


_polls: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[Key, Connect], SharedPoll]] = WeakKeyDictionary()


async def watch(
    key: Key, wants: Wants, poll_seconds: float, first_poll_seconds: float, connect: Connect = readers_of
) -> AsyncGenerator[Observations]:
    """What the shared poll of ``key`` sees of ``wants``, poll by poll, until the iterator is closed.

    Close it (``contextlib.aclosing``): a waiter that is not closed keeps the poll alive.

    :param key: Airflow connection id and Region.
    :param wants: ids by feed; a feed without ids is not read.
    :param first_poll_seconds: the first observation comes no sooner than this.
    """
    polls = _polls.setdefault(asyncio.get_running_loop(), {})
    poll = polls.setdefault((key, connect), SharedPoll(key, connect))
    waiter = Waiter({feed: ids for feed, ids in wants.items() if ids}, poll_seconds, _clock() + first_poll_seconds)
    poll.join(waiter)
    try:
        while True:
            seen = await waiter.inbox.get()
            if isinstance(seen, Exception):
                raise seen
            yield seen
    finally:
        poll.leave(waiter)
        if poll.is_idle and polls.get((key, connect)) is poll:
            del polls[key, connect]


async def subscribe(
    key: Key, feed: Feed, ids: frozenset[str], poll_seconds: float, first_poll_seconds: float = 0.0
) -> AsyncGenerator[dict[str, Any]]:
    """:func:`watch` for a single feed: the observation by id."""
    async with aclosing(watch(key, {feed: ids}, poll_seconds, first_poll_seconds)) as polls:
        async for seen in polls:
            yield seen[feed]
