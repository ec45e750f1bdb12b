"""Every placement of up to N faults in the calls of one small wave; each runs until it is green or has ended."""

from __future__ import annotations

import random
from collections.abc import Iterator

from include.simulation.faults import Fault, Kind
from include.simulation.schedule import Report, enumerated


def every_placement(depth: int, stride: int = 1) -> Iterator[Report]:
    """The schedule without faults, then each placement of up to ``depth`` faults.

    A fault changes the calls after it, so further faults are placed in the calls of the schedule that has it.

    :param stride: 1 is complete; with 3 only every third call gets faults.
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
            # Not the last calls, so that there is room for the remaining faults.
            point = dice.randrange(first, max(first + 1, points - (depth - len(faults) - 1)))
            faults = (*faults, Fault(point, dice.choice(list(Kind))))
            points = max(points, point + 2)
        yield enumerated(faults).run()
