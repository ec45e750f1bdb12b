"""Every placement of up to N faults in the calls of one small wave; each runs until it is green or has ended.

The placements are a tree: the next fault is placed only in calls that the schedule with the earlier faults makes. What
schedules have in common is run once: each begins at the snapshot before the turn in which its last fault is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from include.simulation.faults import Fault, Kind, Planned
from include.simulation.schedule import Report, Running, enumerated, placement_name
from include.simulation.snapshots import Snapshot, resume, take

Placement = tuple[Fault, ...]


def every_placement(depth: int, stride: int = 1) -> Iterator[Report]:
    """The schedule without faults, then each placement of up to ``depth`` faults.

    :param stride: 1 is complete; with 3 only every third call gets faults.
    """
    yield from placements_from((), depth, stride)


def first_faults(stride: int = 1) -> list[Fault]:
    """Each single fault: the branches of the tree at its root."""
    alone = _Played(take(enumerated().begin()), ())
    return [fault for _, faults in alone.places(0, stride) for fault in faults]


def placements_from(faults: Placement, depth: int, stride: int = 1) -> Iterator[Report]:
    """The placement itself, and all of up to ``depth`` faults that begin with it."""
    yield from _subtree(take(enumerated(faults).begin()), faults, depth, stride)


def _subtree(start: Snapshot, faults: Placement, depth: int, stride: int) -> Iterator[Report]:
    played = _Played(start, faults)
    yield played.report
    if len(faults) >= depth:
        return
    first = faults[-1].point + 1 if faults else 0
    for snapshot, further in played.snapshots(first, stride):
        for fault in further:
            yield from _subtree(snapshot, (*faults, fault), depth, stride)


@dataclass
class _Played:
    """One placement, played from a snapshot to its end."""

    start: Snapshot
    faults: Placement

    def __post_init__(self) -> None:
        running = self._from_start()
        world = running.scheduler.world
        # The number of the next call before each turn, None where no snapshot can be taken.
        self._points: list[int | None] = []
        goes_on = True
        while goes_on:
            self._points.append(world.point if world.is_quiet else None)
            goes_on = running.turn()
        self._refused = world.refused
        self.report = running.report()

    def _from_start(self) -> Running:
        running = resume(self.start)
        running.name, running.scheduler.world.faults = placement_name(self.faults), Planned(self.faults)
        return running

    def places(self, first: int, stride: int) -> list[tuple[int, list[Fault]]]:
        """The further faults, by the latest turn at whose beginning they can be placed."""
        found: dict[int, list[Fault]] = {}
        turn = 0
        for point in range(first, self.report.points, stride):
            for number in range(turn, len(self._points)):
                before = self._points[number]
                if before is not None and before <= point:
                    turn = number
            found.setdefault(turn, []).extend(Fault(point, kind) for kind in self._kinds(point))
        return list(found.items())

    def _kinds(self, point: int) -> list[Kind]:
        """A call that the service refuses does nothing: there, a death after it is a death before it."""
        return [kind for kind in Kind if kind is not Kind.KILLED_AFTER or point not in self._refused]

    def snapshots(self, first: int, stride: int) -> Iterator[tuple[Snapshot, list[Fault]]]:
        """The further faults, and the snapshot where the schedules with them begin."""
        running, turn = self._from_start(), 0
        for number, faults in self.places(first, stride):
            for _ in range(number - turn):
                running.turn()
            turn = number
            yield take(running), faults
