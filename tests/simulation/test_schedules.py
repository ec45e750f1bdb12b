"""Schedules hold every invariant: complete placements of one fault, samples of two, and seeds.

How many: a few seconds' worth in the loop while writing code; ``make test`` sets SIMULATION_SCALE for about a minute's.
"""

from __future__ import annotations

import gc
import os
import random
from collections.abc import Iterator

import pytest

from include.simulation.__main__ import main
from include.simulation.enumeration import every_placement, first_faults, placements_from
from include.simulation.faults import Fault, Kind
from include.simulation.schedule import Report, drawn, enumerated
from include.simulation.tally import Tally
from migration_ops.wave.steps import finalize

# 0 is the loop while writing code: every third call is faulted.
SCALE = int(os.environ.get("SIMULATION_SCALE", "0"))
STRIDE = 1 if SCALE else 3
SEEDS, BRANCHES = 120 * SCALE or 8, 2 * SCALE or 1
MUTATING = {
    "StartTest",
    "StartCutover",
    "TerminateTargetInstances",
    "ChangeServerLifeCycleState",
    "FinalizeCutover",
    "SendCommand",
    "TransactWriteItems",
}


@pytest.fixture(autouse=True, scope="module")
def _quick_collector() -> Iterator[None]:
    """What is loaded is not walked again for every schedule."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def require_nothing_new(tally: Tally) -> None:
    assert not tally.failures, tally.text()


def test_one_wave_without_faults_is_green() -> None:
    report = enumerated().run()
    assert (report.ends, report.violations, report.is_green) == ({"app": "FINALIZED"}, (), True)
    assert {operation for _, operation, _ in report.coverage} >= MUTATING


def test_every_placement_of_one_fault_ends_green() -> None:
    """Each call that changes or records something, with each kind of fault."""
    tally = Tally.of(every_placement(1, STRIDE))
    require_nothing_new(tally)
    assert tally.schedules == 1 + len(Kind) * len(range(0, enumerated().run().points, STRIDE))
    assert (tally.green, tally.ends["FINALIZED"]) == (tally.schedules, tally.schedules)
    faulted = {(operation, kind) for _, operation, kind in tally.coverage if kind != "none"}
    every = {(operation, kind.value) for operation in MUTATING for kind in Kind}
    assert faulted == every if STRIDE == 1 else faulted < every


def test_placements_of_two_faults_break_nothing() -> None:
    """All that begin with one fault, for some first faults; ``make soak`` plays all of them, also with a third."""
    first = random.Random(0).sample(first_faults(), BRANCHES)
    require_nothing_new(Tally.of(report for fault in first for report in placements_from((fault,), 2, STRIDE)))


def test_seeds_break_nothing() -> None:
    require_nothing_new(Tally.of(drawn(seed).run() for seed in range(SEEDS)))


@pytest.mark.parametrize("seed", [3, 7, 44])
def test_a_seed_replays_to_the_same_trail(seed: int) -> None:
    first, second = drawn(seed).run(), drawn(seed).run()
    assert first.text() == second.text()
    assert (first.ends, first.coverage, first.points) == (second.ends, second.coverage, second.points)


def test_a_placement_replays_to_the_same_trail() -> None:
    def run() -> Report:
        return enumerated((Fault(9, Kind.LOST), Fault(20, Kind.KILLED_AFTER))).run()

    assert run().text() == run().text()


def test_the_command_prints_what_was_covered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schedules", "3"]) == 0
    printed = capsys.readouterr().out
    assert "3 schedules" in printed
    assert "StartTest" in printed
    assert "ms a schedule" in printed


@pytest.mark.parametrize("given", [["--seed", "3"], ["--faults", "9:lost,20:killed after"]])
def test_the_command_replays(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(given) == 0
    assert "run-1/preflight" in capsys.readouterr().out


def test_the_command_says_when_an_invariant_breaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(finalize, "_finalize", lambda *_: None)
    assert main(["--faults", "9:lost"]) == 1
    assert "VIOLATED 'finalized'" in capsys.readouterr().out
