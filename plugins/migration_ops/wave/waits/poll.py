"""One shared poll per connection and Region: all waits of a triggerer read AWS together.

Twenty applications that wait for replication cost ``ceil(servers / 200)`` DescribeSourceServers a poll, not one each.
A poll starts with its first subscriber and ends with its last.
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

from migration_ops.aws.errors import SDK_ERRORS, AccessDeniedError, InvalidError, NotFoundError, to_aws_error
from migration_ops.core.errors import MigrationError, ThrottledError
from migration_ops.wave.waits.conditions import ApiError
from migration_ops.wave.waits.feeds import Feed, Reader, Readers, readers_of

log = logging.getLogger(__name__)

JITTER = 0.1
MAX_SLOWDOWN = 5.0

Key = tuple[str | None, str | None]
Connect = Callable[[str | None, str | None], Readers]
Needs = Mapping[Feed, frozenset[str]]
# Per feed: the observation by id. A missing id does not exist; an ApiError stands for every id of a failed read.
Observations = dict[Feed, dict[str, Any]]


class Subscriber:
    """One subscription. It gets observations no more often than it asked for, whatever others ask for."""

    def __init__(self, needs: Needs, poll_seconds: float, ready_at: float) -> None:
        self.needs = needs
        self.poll_seconds = poll_seconds
        self.next_at = ready_at
        self.inbox: asyncio.Queue[Observations | Exception] = asyncio.Queue()


class SharedPoll:
    """The one task that polls for all subscribers of a key."""

    def __init__(self, key: Key, connect: Connect) -> None:
        self._key = key
        self._connect = connect
        self._readers: Readers | None = None
        self._subscribers: dict[Subscriber, None] = {}
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._slowdown = 1.0
        self._last_poll_at: float | None = None
        self._last_interval = 0.0
        self._jitter = 1.0

    @property
    def is_idle(self) -> bool:
        return not self._subscribers

    def join(self, subscriber: Subscriber) -> None:
        self._subscribers[subscriber] = None
        self._changed.set()
        if self._task is None:
            # An empty context: Airflow's context binds the log to one trigger, and the poll serves several.
            self._task = asyncio.create_task(self._run(), name=f"shared poll {self._key}", context=Context())

    def leave(self, subscriber: Subscriber) -> None:
        """Stops reading for this subscriber; the last one ends the poll."""
        self._subscribers.pop(subscriber, None)
        self._changed.set()
        if self.is_idle and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        try:
            while True:
                await self._sleep_until_due()
                await self._poll()
        except* Exception as group:  # noqa: BLE001 - handed to the subscribers, which raise it
            # A fault of ours, not of AWS: every subscriber raises it, so that Airflow shows it at each task.
            for subscriber in self._subscribers:
                subscriber.inbox.put_nowait(group.exceptions[0])
        finally:
            self._task = None

    async def _sleep_until_due(self) -> None:
        """Sleeps until a subscriber is due and the interval has passed; joining and leaving may change that time."""
        while (pause := self._due_at() - _clock()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    def _due_at(self) -> float:
        interval = min(subscriber.poll_seconds for subscriber in self._subscribers)
        first = min(subscriber.next_at for subscriber in self._subscribers)
        # Subscribers that are due nearly together (the applications of a wave defer within seconds) share one read.
        due = max(
            subscriber.next_at for subscriber in self._subscribers if subscriber.next_at <= first + interval * JITTER
        )
        if self._last_poll_at is None:
            return due
        # The shorter of the two intervals: a subscriber that left must not make a later one miss its turn.
        return max(due, self._last_poll_at + min(interval, self._last_interval) * self._jitter * self._slowdown)

    async def _poll(self) -> None:
        self._last_poll_at = now = _clock()
        self._last_interval = min(subscriber.poll_seconds for subscriber in self._subscribers)
        self._jitter = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
        due = [subscriber for subscriber in self._subscribers if subscriber.next_at <= now]
        for subscriber in due:
            subscriber.next_at = now + subscriber.poll_seconds * (1 - JITTER)
        feeds = sorted({feed for subscriber in due for feed in subscriber.needs})
        readers = await self._connected(feeds)
        async with asyncio.TaskGroup() as group:
            reads = {feed: group.create_task(self._read(readers[feed], feed, due)) for feed in feeds}
            for subscriber in due:
                group.create_task(self._hand_over(subscriber, reads))
        self._after(error for _, error in (read.result() for read in reads.values()))

    async def _connected(self, feeds: list[Feed]) -> Readers:
        """The readers; when the connection cannot be used, readers that say so."""
        if self._readers is None and feeds:
            try:
                self._readers = await asyncio.to_thread(self._connect, *self._key)
            except (MigrationError, *SDK_ERRORS) as error:
                fault = to_aws_error(error, mutating=False)
                return dict.fromkeys(feeds, partial(_raise, fault))
        return self._readers or {}

    async def _hand_over(
        self, subscriber: Subscriber, reads: Mapping[Feed, asyncio.Task[tuple[dict[str, Any], MigrationError | None]]]
    ) -> None:
        """A subscriber gets its observations as soon as its own feeds are read."""
        observations: Observations = {}
        for feed, ids in subscriber.needs.items():
            seen, _ = await asyncio.shield(reads[feed])
            observations[feed] = {one: seen[one] for one in ids if one in seen}
        subscriber.inbox.put_nowait(observations)

    async def _read(
        self, reader: Reader, feed: Feed, due: list[Subscriber]
    ) -> tuple[dict[str, Any], MigrationError | None]:
        groups = list(dict.fromkeys(subscriber.needs[feed] for subscriber in due if feed in subscriber.needs))
        union = frozenset[str]().union(*groups)
        seen, error = await _read_ids(reader, union)
        if isinstance(error, InvalidError | NotFoundError) and len(groups) > 1:
            # AWS refuses the whole request for one bad id: one wait must not spoil the read of the others.
            apart = [await _read_ids(reader, group) for group in groups]
            apart.sort(key=lambda part: part[1] is None)  # an id that one group could read counts as read
            seen = {one: view for part, _ in apart for one, view in part.items()}
        return seen, error

    def _after(self, errors: Iterable[MigrationError | None]) -> None:
        failed = [error for error in errors if error is not None]
        if any(isinstance(error, ThrottledError) for error in failed):
            self._slowdown = min(MAX_SLOWDOWN, self._slowdown * 2)
            log.warning(
                "AWS throttles the poll of %s; the interval is now %.0f times as long", self._key, self._slowdown
            )
        else:
            self._slowdown = 1.0
        if any(isinstance(error, AccessDeniedError) for error in failed):
            # The connection may have been changed meanwhile: the next poll looks it up again.
            self._readers = None


async def _read_ids(reader: Reader, ids: frozenset[str]) -> tuple[dict[str, Any], MigrationError | None]:
    try:
        return dict(await asyncio.to_thread(reader, sorted(ids))), None
    except (MigrationError, *SDK_ERRORS) as error:
        fault = to_aws_error(error, mutating=False)
        return dict.fromkeys(ids, ApiError(str(fault))), fault


def _raise(fault: MigrationError, _: list[str]) -> dict[str, Any]:
    raise fault


def _clock() -> float:
    return asyncio.get_running_loop().time()


_polls: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[Key, Connect], SharedPoll]] = WeakKeyDictionary()


async def watch(
    key: Key, needs: Needs, poll_seconds: float, first_poll_seconds: float, connect: Connect = readers_of
) -> AsyncGenerator[Observations]:
    """What the shared poll of ``key`` sees of ``needs``, poll by poll, until the iterator is closed.

    Close it (``contextlib.aclosing``): a subscriber that is not closed keeps the poll alive.

    :param key: Airflow connection id and Region.
    :param needs: ids by feed; a feed without ids is not read.
    :param first_poll_seconds: the first observation comes no sooner than this.
    """
    polls = _polls.setdefault(asyncio.get_running_loop(), {})
    poll = polls.setdefault((key, connect), SharedPoll(key, connect))
    subscriber = Subscriber(
        {feed: ids for feed, ids in needs.items() if ids}, poll_seconds, _clock() + first_poll_seconds
    )
    poll.join(subscriber)
    try:
        while True:
            seen = await subscriber.inbox.get()
            if isinstance(seen, Exception):
                raise seen
            yield seen
    finally:
        poll.leave(subscriber)
        if poll.is_idle and polls.get((key, connect)) is poll:
            del polls[key, connect]


async def subscribe(
    key: Key, feed: Feed, ids: frozenset[str], poll_seconds: float, first_poll_seconds: float = 0.0
) -> AsyncGenerator[dict[str, Any]]:
    """:func:`watch` for a single feed: the observation by id."""
    async with aclosing(watch(key, {feed: ids}, poll_seconds, first_poll_seconds)) as polls:
        async for seen in polls:
            yield seen[feed]
