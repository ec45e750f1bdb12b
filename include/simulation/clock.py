"""Virtual time: it does not move while code runs, and jumps where somebody would wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import tenacity.nap

from include.sandbox.clock import Clock

# Far in the future: code that uses the real clock (MGN's jobs of the last 30 days) then finds all simulated jobs.
START = datetime(2040, 1, 1, tzinfo=UTC).timestamp()


class VirtualClock(Clock):
    """The sandbox's clock, as a number that only :meth:`advance` changes. Seconds since the epoch."""

    def __init__(self, start: float = START) -> None:
        self._now = start
        self.shown = "simulated"

    @property
    def speed(self) -> float:
        return 1.0

    def now(self) -> float:
        return self._now

    def real(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """:raises ValueError: ``seconds`` is negative."""
        if seconds < 0:
            raise ValueError("the clock does not run backward")
        self._now += seconds

    def skip(self, real_seconds: float) -> None:
        self.advance(real_seconds)

    def stamp(self, simulated: float, fraction: bool = True) -> str:
        return _stamp(simulated, fraction)

    def simulated_of(self, moment: datetime) -> float:
        return moment.timestamp()

    def moment(self, skew_seconds: float = 0.0) -> datetime:
        """The time as a worker reads it whose clock is ahead by ``skew_seconds``."""
        return datetime.fromtimestamp(self._now + skew_seconds, UTC)


@lru_cache(maxsize=4096)
def _stamp(simulated: float, fraction: bool) -> str:
    """Each answer of MGN has the same times again."""
    moment = datetime.fromtimestamp(simulated, UTC)
    return (moment if fraction else moment.replace(microsecond=0)).isoformat()


class _VirtualSleep:
    """Replaces the module ``time`` in tenacity: a pause between two tries takes no real time."""

    # A fixed length, because a random pause would make a replay differ.
    PAUSE_SECONDS = 0.25

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def sleep(self, _seconds: float) -> None:
        self._clock.advance(self.PAUSE_SECONDS)


@contextmanager
def no_real_sleep(clock: VirtualClock) -> Iterator[None]:
    """Inside this context tenacity's retries wait on the virtual clock."""
    module: Any = tenacity.nap
    before = module.time
    module.time = _VirtualSleep(clock)
    try:
        yield
    finally:
        module.time = before
