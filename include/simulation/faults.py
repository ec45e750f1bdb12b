"""Faults of calls, and which call has which fault.

Every call that changes or records something is a point: StartTest, StartCutover, TerminateTargetInstances,
ChangeServerLifeCycleState, FinalizeCutover, SendCommand, CancelCommand, and each transaction of the ledger. Points are
numbered in the order in which a schedule reaches them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """One fault of one call."""

    REFUSED = "refused"  # refused: nothing was executed
    LOST = "lost"  # executed, the answer never came
    LATE = "late"  # no answer, executed after the settle time is over
    KILLED_BEFORE = "killed before"  # the worker dies, nothing was sent
    KILLED_AFTER = "killed after"  # executed, the worker dies before it gets the answer


class ReadKind(StrEnum):
    """One fault of one answer to a read."""

    DENIED = "denied"
    ABSENT = "absent"  # what was asked for is not in the answer
    BLANK = "blank"  # it is in the answer, but without the members that a verdict needs


class WorkerKilled(BaseException):
    """The worker died here, as with SIGKILL."""


@dataclass(frozen=True)
class Fault:
    """A fault at one call.

    :param point: number of the call, from 0.
    """

    point: int
    kind: Kind

    def __str__(self) -> str:
        return f"{self.point}:{self.kind.value}"


class Faults(Protocol):
    """Decides which fault a call has."""

    def of_call(self, point: int, operation: str) -> Kind | None: ...
    def of_read(self, operation: str) -> ReadKind | None: ...
    def late_seconds(self) -> float:
        """How long after the settle time a late call is executed."""
        ...


@dataclass(frozen=True)
class Planned:
    """Faults at chosen points, for the enumeration.

    :param late: how long after the settle time a late call is executed, in seconds.
    """

    faults: tuple[Fault, ...] = ()
    late: float = 90.0

    def of_call(self, point: int, operation: str) -> Kind | None:
        return next((one.kind for one in self.faults if one.point == point), None)

    def of_read(self, operation: str) -> ReadKind | None:
        return None

    def late_seconds(self) -> float:
        return self.late


@dataclass
class Drawn:
    """Random faults: each kind has its share of the calls.

    :param shares: probability by kind of fault of a call; kinds that are absent do not occur in this schedule.
    :param read_shares: the same for answers to reads.
    """

    dice: random.Random
    shares: Mapping[Kind, float] = field(default_factory=dict)
    read_shares: Mapping[ReadKind, float] = field(default_factory=dict)

    def of_call(self, point: int, operation: str) -> Kind | None:
        drawn = self.dice.random()
        for kind, share in self.shares.items():
            if drawn < share:
                return kind
            drawn -= share
        return None

    def of_read(self, operation: str) -> ReadKind | None:
        if not self.read_shares:
            return None
        drawn = self.dice.random()
        for kind, share in self.read_shares.items():
            if drawn < share:
                return kind
            drawn -= share
        return None

    def late_seconds(self) -> float:
        return self.dice.uniform(5.0, 1_200.0)
