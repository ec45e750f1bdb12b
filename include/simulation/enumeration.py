"""Every placement of up to N faults over the calls of one small wave, each until green or an explained end."""

from __future__ import annotations

import random
from collections.abc import Iterator

from include.simulation.faults import Fault, Kind
from include.simulation.schedule import Report, enumerated


def every_placement(depth: int, stride: int = 1) -> Iterator[Report]:
    """The schedule without faults, then each placement of up to ``depth`` faults.

    A fault changes what comes after it, so the calls behind it are those of the schedule that has it.

    :param stride: 1 is complete; 3 faults every third call.
    """
    yield from _deeper((), enumerated().run(), depth, stride)


def _deeper(faults: tuple[Fault, ...], report: Report, depth: int, stride: int) -> Iterator[Report]:
    yield report
    if depth == 0:
        return
    first = faults[-1].point + 1 if faults else 0
    for point in range(first, report.points, stride):
        for kind in Kind:
            placed = (*faults, Fault(point, kind))
            yield from _deeper(placed, enumerated(placed).run(), depth - 1, stride)


def some_placements(depth: int, count: int, seed: int = 0) -> Iterator[Report]:
    """``count`` placements of exactly ``depth`` faults, drawn evenly over the calls."""
    dice = random.Random(seed)
    alone = enumerated().run().points
    for _ in range(count):
        faults: tuple[Fault, ...] = ()
        points = alone
        while len(faults) < depth:
            first = faults[-1].point + 1 if faults else 0
            # Not the very last calls, so that there is room for the faults that are still to come.
            point = dice.randrange(first, max(first + 1, points - (depth - len(faults) - 1)))
            faults = (*faults, Fault(point, dice.choice(list(Kind))))
            points = max(points, point + 2)
        yield enumerated(faults).run()
