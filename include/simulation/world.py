"""Everything outside the package: calls with their faults, the time, and the watcher.

Each call goes through :meth:`World.read` or :meth:`World.send`, where faults happen. When a call takes effect, the
watcher is told at that moment, so that invariants are checked against the real state and not against answers.
"""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from botocore.exceptions import ClientError, ReadTimeoutError

from include.simulation.clock import VirtualClock
from include.simulation.faults import Faults, Kind, Planned, ReadKind, WorkerKilled
from include.simulation.table import Change, client_error

CALL_SECONDS = 0.2
# How long a client waits before it treats an answer as lost (read_timeout in MUTATE_CONFIG of the hook).
ANSWER_TIMEOUT_SECONDS = 120.0


@dataclass(eq=False)
class Actor:
    """Who calls: one task, or its wait.

    :param unknown: subjects about which the last answer allowed no verdict; a gate must not open on it.
    :param seen_at: by subject, the number of events when the actor last read it.
    :param skew_seconds: how far its worker's clock is ahead.
    """

    run_id: str
    task: str
    app: str | None = None
    unknown: set[str] = field(default_factory=set)
    seen_at: dict[str, int] = field(default_factory=dict)
    skew_seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.run_id}/{self.task}"


@dataclass(frozen=True)
class Call:
    """One mutating call as it was sent."""

    service: str
    operation: str
    subjects: tuple[str, ...]
    actor: Actor | None
    tags: dict[str, str] = field(default_factory=dict)
    is_late: bool = False


class Watcher(Protocol):
    """Is told of every call that is sent or takes effect."""

    def sent(self, call: Call) -> None: ...
    def executed(self, call: Call, answer: Any) -> None: ...
    def recorded(self, actor: Actor | None, changes: list[Change]) -> None: ...


@dataclass
class World:
    """Time, trail, pending late calls and counters of one schedule.

    :param settle_seconds: the package's own setting; late calls take effect after it.
    :param refused: the points whose call the service itself refused.
    :param interlude: called before each call; in a random schedule other tasks and people act there.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    faults: Faults = field(default_factory=Planned)
    settle_seconds: float = 60.0
    watcher: Watcher | None = None
    interlude: Callable[[], None] | None = None
    actor: Actor | None = None
    point: int = 0
    events: int = 0
    refused: set[int] = field(default_factory=set)
    trail: list[tuple[float, str, str]] = field(default_factory=list)
    coverage: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    place_of: Callable[[tuple[str, ...]], str] = lambda subjects: ""

    def __post_init__(self) -> None:
        self.started_at = self.clock.now()
        self._late: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        # Functions that continue jobs, each with one that says when its next step is due.
        self.jobs: list[tuple[Callable[[], None], Callable[[], float | None]]] = []

    def note(self, what: str, who: object = None) -> None:
        self.events += 1
        self.trail.append((self.clock.now() - self.started_at, str(who or self.actor or ""), what))

    def run_due(self) -> None:
        """Executes what is due: jobs and late calls."""
        while (due := self._next_due()) is not None and due <= self.clock.now():
            if self._late and self._late[0][0] <= due:
                heapq.heappop(self._late)[2]()
            for run_jobs, _ in self.jobs:
                run_jobs()

    def _next_due(self) -> float | None:
        soonest = self._late[0][0] if self._late else None
        for _, next_due in self.jobs:
            due = next_due()
            if due is not None and (soonest is None or due < soonest):
                soonest = due
        return soonest

    def later(self, at: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._late, (at, next(self._order), act))

    def advance_to(self, at: float) -> None:
        """Moves the clock; what becomes due on the way is executed at its own time."""
        while (due := self._next_due()) is not None and due <= at:
            self.clock.advance(max(0.0, due - self.clock.now()))
            self.run_due()
        self.clock.advance(max(0.0, at - self.clock.now()))

    # Calls

    def read(self, operation: str, execute: Callable[[ReadKind | None], Any]) -> Any:
        """A call that reads.

        :param execute: gets the fault that its answer has, or None.
        :raises ClientError: the fault is a refusal.
        """
        self._on_the_way()
        kind = self.faults.of_read(operation)
        if kind is ReadKind.DENIED:
            self._count(operation, (), kind.value)
            self.note(f"{operation}: {kind.value}")
            raise client_error("AccessDeniedException", operation)
        answer = execute(kind)
        if kind is not None:
            self._count(operation, (), kind.value)
        return answer

    def send(
        self,
        service: str,
        operation: str,
        subjects: Iterable[str],
        execute: Callable[[], Any],
        tags: dict[str, str] | None = None,
    ) -> Any:
        """A call that changes something, with the fault of its point.

        :raises WorkerKilled, ClientError, ReadTimeoutError: as the fault says.
        """
        self._on_the_way()
        point, self.point = self.point, self.point + 1
        kind = self.faults.of_call(point, operation)
        call = Call(service, operation, tuple(subjects), self.actor, tags or {})
        self._count(operation, call.subjects, kind.value if kind else "none")
        if kind is not None:
            self.note(f"{operation} #{point}: {kind.value}")
        if kind is Kind.KILLED_BEFORE:
            raise WorkerKilled
        if kind is Kind.REFUSED:
            raise client_error("AccessDeniedException", operation)
        if self.watcher is not None:
            self.watcher.sent(call)
        if kind is Kind.LATE:
            self._postpone(call, execute)
            raise self._no_answer()
        try:
            answer = self._execute(call, execute)
        except ClientError:
            self.refused.add(point)
            # A refusal is an answer, too.
            if kind is None:
                raise
        if kind is Kind.KILLED_AFTER:
            raise WorkerKilled
        if kind is Kind.LOST:
            raise self._no_answer()
        return answer

    @property
    def is_quiet(self) -> bool:
        """Whether nothing happens by itself from now on: no job runs, no call is on its way."""
        return self._next_due() is None

    def _on_the_way(self) -> None:
        if self.interlude is not None:
            self.interlude()
        self.advance_to(self.clock.now() + CALL_SECONDS)

    def _count(self, operation: str, subjects: tuple[str, ...], kind: str) -> None:
        self.coverage[(self.place_of(subjects), operation, kind)] += 1

    def _execute(self, call: Call, execute: Callable[[], Any]) -> Any:
        try:
            answer = execute()
        except ClientError as error:
            self.note(f"{call.operation} refused: {error.response['Error']['Code']}", call.actor)
            raise
        if self.watcher is not None:
            self.watcher.executed(call, answer)
        return answer

    def _postpone(self, call: Call, execute: Callable[[], Any]) -> None:
        late = Call(call.service, call.operation, call.subjects, call.actor, call.tags, is_late=True)
        at = self.clock.now() + ANSWER_TIMEOUT_SECONDS + self.settle_seconds + self.faults.late_seconds()

        def act() -> None:
            self.note(f"{call.operation}: takes effect late", call.actor)
            try:
                self._execute(late, execute)
            except ClientError:
                return  # Nobody gets this answer.

        self.later(at, act)

    def _no_answer(self) -> ReadTimeoutError:
        self.advance_to(self.clock.now() + ANSWER_TIMEOUT_SECONDS)
        return ReadTimeoutError(endpoint_url="https://simulated")
