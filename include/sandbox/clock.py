"""The sandbox's clock: one real second is ``speed`` simulated seconds; it can be changed, frozen (0) and advanced.

All durations of jobs, boots and replication are simulated seconds. Answers show simulated instants, or, with
``shown="wall"``, the real instants at which those moments are or will be reached, for clients that compare with theirs.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

SHOWN_KINDS = ("simulated", "wall")


@dataclass(frozen=True)
class _Stretch:
    """From ``real_start`` on, simulated time starts at ``simulated_start`` and runs ``speed`` times as fast."""

    real_start: float
    simulated_start: float
    speed: float


class Clock:
    """Simulated time as seconds since the epoch, starting at the real time.

    :param speed: simulated seconds per real second; 0 stands still.
    :param shown: what :meth:`stamp` shows, ``simulated`` or ``wall``.
    """

    def __init__(self, speed: float = 60.0, shown: str = "simulated") -> None:
        if speed < 0 or shown not in SHOWN_KINDS:
            raise ValueError(f"speed must be >= 0 and shown one of {SHOWN_KINDS}")
        self._lock = threading.Lock()
        now = time.time()
        self._monotonic_offset = now - time.monotonic()
        self._stretches = [_Stretch(now, now, speed)]
        self.shown = shown

    @property
    def speed(self) -> float:
        return self._stretches[-1].speed

    def real(self) -> float:
        """The real time as this clock has it, in seconds since the epoch: what was skipped has passed."""
        return time.monotonic() + self._monotonic_offset

    def skip(self, real_seconds: float) -> None:
        """Real time passes at once, and simulated time with it, for clients that read theirs from :meth:`real`."""
        if real_seconds < 0:
            raise ValueError("the clock does not run backward")
        with self._lock:
            self._monotonic_offset += real_seconds

    def now(self) -> float:
        """Simulated seconds since the epoch."""
        last = self._stretches[-1]
        return last.simulated_start + (self.real() - last.real_start) * last.speed

    def set_speed(self, speed: float) -> None:
        if speed < 0:
            raise ValueError("speed must be >= 0")
        self._turn(0.0, speed)

    def begin(self, speed: float) -> None:
        """Goes on at ``speed`` from the real time: what was set up while it stood still has not aged."""
        self._turn(max(0.0, self.real() - self.now()), speed)

    def advance(self, seconds: float) -> None:
        """Jumps forward by simulated seconds; never backward."""
        if seconds < 0:
            raise ValueError("the clock does not run backward")
        self._turn(seconds, None)

    def _turn(self, jump_seconds: float, speed: float | None) -> None:
        with self._lock:
            real, simulated = self.real(), self.now() + jump_seconds
            self._stretches.append(_Stretch(real, simulated, self.speed if speed is None else speed))

    def real_seconds(self, simulated_seconds: float) -> float:
        """How long ``simulated_seconds`` last for a waiting client, infinite when the clock stands still."""
        return simulated_seconds / self.speed if self.speed else float("inf")

    def _wall(self, simulated: float) -> float:
        stretches = self._stretches
        if simulated < stretches[0].simulated_start:
            return stretches[0].real_start - (stretches[0].simulated_start - simulated)
        index = max(i for i, one in enumerate(stretches) if one.simulated_start <= simulated or i == 0)
        one = stretches[index]
        real = one.real_start + ((simulated - one.simulated_start) / one.speed if one.speed else 0.0)
        return min(real, stretches[index + 1].real_start) if index + 1 < len(stretches) else real

    def stamp(self, simulated: float, fraction: bool = True) -> str:
        """An instant as MGN writes it: ``2022-08-31T14:33:26.983505+00:00``, or without the fraction."""
        seconds = self._wall(simulated) if self.shown == "wall" else simulated
        moment = datetime.fromtimestamp(seconds, UTC)
        return (moment if fraction else moment.replace(microsecond=0)).isoformat()

    def simulated_of(self, moment: datetime) -> float:
        """The simulated instant a client means by ``moment``, for filters such as ``fromDate``."""
        if self.shown != "wall":
            return moment.timestamp()
        real = moment.timestamp()
        first = self._stretches[0]
        if real < first.real_start:
            return first.simulated_start - (first.real_start - real)
        one = max((s for s in self._stretches if s.real_start <= real), key=lambda s: s.real_start)
        return one.simulated_start + (real - one.real_start) * one.speed

    def as_document(self) -> dict[str, Any]:
        return {"now": self.stamp(self.now()), "speed": self.speed, "shown": self.shown}
