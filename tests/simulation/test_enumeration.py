"""Placements that begin at a snapshot are those that begin at the start, and none is left out or played twice."""

from __future__ import annotations

import random

import pytest

from include.simulation.enumeration import every_placement, first_faults, placements_from
from include.simulation.faults import Fault, Kind
from include.simulation.schedule import Report, enumerated
from include.simulation.snapshots import resume, take

# The cutover is launched, and then its verification is noted: the second of two faults hits what the first one left.
TWO = (Fault(24, Kind.LATE), Fault(26, Kind.LOST))


def faults_in(name: str) -> tuple[Fault, ...]:
    pairs = [one.split(":") for one in name.split(",") if ":" in one]
    return tuple(Fault(int(point), Kind(kind)) for point, kind in pairs)


def require_as_from_the_start(reports: list[Report]) -> None:
    for report in reports:
        alone = enumerated(faults_in(report.name)).run()
        assert report.text() == alone.text()
        # coverage, ends, points and what else a report has
        assert report == alone


@pytest.fixture(scope="module")
def singles() -> list[Report]:
    return list(every_placement(1))


def test_single_faults_are_as_from_the_start(singles: list[Report]) -> None:
    require_as_from_the_start(random.Random(0).sample(singles, 10))


def test_three_faults_are_as_from_the_start() -> None:
    found = list(placements_from(TWO, 3))
    assert faults_in(found[0].name) == TWO
    assert {len(faults_in(report.name)) for report in found[1:]} == {3}
    require_as_from_the_start(random.Random(0).sample(found, 8))


def test_every_reached_call_has_every_fault_once(singles: list[Report]) -> None:
    alone = enumerated().run()
    found = [faults_in(report.name) for report in singles]
    every = [(Fault(point, kind),) for point in range(alone.points) for kind in Kind]
    assert sorted(map(str, found)) == sorted(map(str, [(), *every]))
    assert [(fault,) for fault in first_faults()] == found[1:]


def test_a_further_fault_is_placed_after_the_last_one_where_it_is_reached() -> None:
    first, *further = placements_from(TWO, 3)
    points = {faults_in(report.name)[2].point for report in further}
    assert points == set(range(TWO[-1].point + 1, first.points))


def test_a_death_after_a_refusal_is_the_death_before_it() -> None:
    """The release of the locks is sent again, and refused, as they are free: it does nothing, also when a worker dies
    after it. So that is not played."""
    lost = Fault(31, Kind.LOST)
    running = enumerated((lost,)).begin()
    while running.turn():
        pass
    assert running.scheduler.world.refused == {32}
    placed = [faults_in(report.name)[-1] for report in placements_from((lost,), 2)][1:]
    assert {fault.kind for fault in placed if fault.point == 32} == set(Kind) - {Kind.KILLED_AFTER}


def test_what_continues_from_a_snapshot_changes_no_other() -> None:
    running = enumerated().begin()
    for _ in range(5):
        running.turn()
    snapshot = take(running)
    texts = []
    for _ in range(2):
        copy = resume(snapshot)
        while copy.turn():
            pass
        texts.append(copy.report().text())
    while running.turn():
        pass
    assert {*texts, running.report().text()} == {enumerated().run().text()}


def test_no_snapshot_is_taken_while_a_job_runs() -> None:
    running = enumerated().begin()
    while running.scheduler.world.is_quiet:
        running.turn()
    with pytest.raises(ValueError, match="under way"):
        take(running)
