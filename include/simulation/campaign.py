"""Many schedules in parts: on several processors, in shards, and resumable.

A part is some seeds, or the placements that begin with one fault. What a part found is one line of the state file,
if there is one, so that a campaign that was stopped goes on after its last whole part.
"""

from __future__ import annotations

import gc
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.simulation.enumeration import first_faults, placements_from
from include.simulation.faults import Fault
from include.simulation.schedule import drawn, enumerated, placement_name
from include.simulation.tally import Tally

FEWEST_SEEDS, MOST_SEEDS = 25, 1_000
SAYS_EVERY_SECONDS = 10.0


class OtherCampaignError(Exception):
    """The state file is of another campaign, or of a package that behaves otherwise."""


@dataclass(frozen=True)
class Placements:
    """The placement itself, and those of up to ``depth`` faults that begin with it."""

    faults: tuple[Fault, ...]
    depth: int

    @property
    def name(self) -> str:
        return f"{placement_name(self.faults)} to {self.depth}"

    def play(self) -> Tally:
        return Tally.of(placements_from(self.faults, self.depth))

    def sample(self) -> str:
        """A trail that stands for how the package and the simulation behave."""
        return enumerated().run().text()


@dataclass(frozen=True)
class Seeds:
    """The schedules of ``count`` seeds from ``first`` on."""

    first: int
    count: int

    @property
    def name(self) -> str:
        return f"seeds {self.first} to {self.first + self.count - 1}"

    def play(self) -> Tally:
        return Tally.of(drawn(seed).run() for seed in range(self.first, self.first + self.count))

    def sample(self) -> str:
        return drawn(0).run().text()


Part = Placements | Seeds


def placements(depth: int) -> list[Part]:
    """Parts that are every placement of up to ``depth`` faults; the largest come first."""
    if depth < 2:
        return [Placements((), depth)]
    return [Placements((), 0), *(Placements((fault,), depth) for fault in first_faults())]


def seeds(first: int, count: int) -> list[Part]:
    """Parts that are these seeds: about a hundred, so that they can be shared out."""
    end, size = first + count, min(MOST_SEEDS, max(FEWEST_SEEDS, count // 100))
    return [Seeds(start, min(size, end - start)) for start in range(first, end, size)]


@dataclass(frozen=True)
class Shard:
    """``number`` (from 1) of ``count``: every ``count``-th part."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """:raises ValueError: not as ``2/4``."""
        number, count = (int(one) for one in text.split("/"))
        if not 1 <= number <= count:
            raise ValueError(f"{text}: the first number is from 1 to the second")
        return cls(number, count)

    def of(self, parts: list[Part]) -> list[Part]:
        return parts[self.number - 1 :: self.count]


@dataclass
class Campaign:
    """Plays parts.

    :param state: where finished parts are noted; None: nowhere.
    :param processes: how many parts are played at a time.
    :param say: is told of the progress after each part.
    """

    parts: list[Part]
    state: Path | None = None
    processes: int = 1
    say: Callable[[str], None] = lambda text: None
    # CPU seconds of what was played now, and its schedules.
    seconds: float = 0.0
    schedules: int = 0

    def run(self) -> Tally:
        """Plays what the state does not have yet; the tally has all of it.

        :raises OtherCampaignError: the state is another campaign's.
        """
        total, done = Tally(), self._noted()
        for tally in done.values():
            total.merge(tally)
        began, number, said_at = time.monotonic(), len(done), 0.0
        for name, tally, seconds in self._played([part for part in self.parts if part.name not in done]):
            self._note(name, tally)
            total.merge(tally)
            self.seconds, self.schedules, number = self.seconds + seconds, self.schedules + tally.schedules, number + 1
            now = time.monotonic()
            if now - said_at > SAYS_EVERY_SECONDS or number == len(self.parts):
                said_at = now
                self.say(
                    f"{number} of {len(self.parts)} parts, {total.schedules} schedules, {len(total.failures)} broke an "
                    f"invariant; {(now - began) / 60:.0f} min, {self.cost_ms:.1f} ms of CPU a schedule"
                )
        return total

    @property
    def cost_ms(self) -> float:
        """CPU milliseconds of a schedule, of those that were played now."""
        return 1000 * self.seconds / max(1, self.schedules)

    def _played(self, parts: list[Part]) -> Iterator[tuple[str, Tally, float]]:
        # Loaded modules stay in memory: the garbage collector need not scan them for every schedule.
        gc.collect()
        gc.freeze()
        if self.processes == 1 or len(parts) < 2:
            yield from map(_play, parts)
            return
        # Forked, so that nothing is imported again.
        with multiprocessing.get_context("fork").Pool(min(self.processes, len(parts))) as pool:
            yield from pool.imap_unordered(_play, parts)

    # The state file: a line that says what it is, and a line a part

    def _head(self) -> dict[str, Any]:
        """What is the same in parts that belong together."""
        samples = {type(part): part for part in self.parts}.values()
        behaviour = _digest(*(part.sample() for part in samples))
        return {"parts": _digest(*(part.name for part in self.parts)), "behaviour": behaviour}

    def _noted(self) -> dict[str, Tally]:
        if self.state is None:
            return {}
        head = json.dumps(self._head())
        if not self.state.exists():
            self.state.write_text(head + "\n", encoding="utf-8")
        # A line without an end was being written when the campaign was stopped.
        lines = self.state.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        if lines[:1] != [head]:
            raise OtherCampaignError(f"{self.state} is of another campaign: remove it, or name another file")
        self.state.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        noted = [json.loads(line) for line in lines[1:]]
        return {one["part"]: Tally.from_document(one["tally"]) for one in noted}

    def _note(self, name: str, tally: Tally) -> None:
        if self.state is not None:
            with self.state.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"part": name, "tally": tally.as_document()}) + "\n")


def _play(part: Part) -> tuple[str, Tally, float]:
    """One part, with the CPU seconds that it took."""
    began = time.process_time()
    tally = part.play()
    return part.name, tally, time.process_time() - began


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))
