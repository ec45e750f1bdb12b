"""Where a migration stands: the table is printed into docs, and every entry of it is judged here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migration_ops.core.states import CUT_OVER, ENDED, Phase
from migration_ops.ledger.protocol import Intent, Record
from migration_ops.wave.rules.refusals import GATE_CODES
from migration_ops.wave.rules.standing import INSTANCE_BROKEN, NOT_COMING, STEP_TABLE, WAY, standing_of
from migration_ops.wave.rules.standing_table import render
from tests.wave.builders import HEALTHY

DOCS = Path(__file__).parents[2] / "docs" / "standing.md"


def record(phase: Phase, stopped_in: Phase | None = None, code: str | None = None, **facts: object) -> Record:
    noted = {"stoppedIn": stopped_in.value} if stopped_in else {}
    return Record("mig-a", "w", "a", "s-a", phase, facts={**noted, **facts}, error_code=code)


def test_the_table_in_docs_is_the_code() -> None:
    assert DOCS.read_text() == render(), "write it again: python -m migration_ops.wave.rules.standing_table"


@pytest.mark.parametrize("stopped_in", sorted(set(Phase) - ENDED))
@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.FROZEN])
def test_what_was_stopped_stands_where_it_was_stopped(phase: Phase, stopped_in: Phase) -> None:
    standing = standing_of(record(phase, stopped_in, "NOT_REACHED"))
    assert (standing.at, standing.interrupted_at) == (stopped_in, stopped_in)
    assert standing.held is (phase is Phase.FROZEN)
    assert standing.failed is None
    for step in STEP_TABLE:
        assert standing.is_past(step) == standing_of(record(stopped_in)).is_past(step)


@pytest.mark.parametrize("noted", ["FROZEN", "FINALIZED", "nonsense", None])
def test_a_place_that_nobody_noted_is_nowhere(noted: str | None) -> None:
    standing = standing_of(record(Phase.FROZEN, None, None, stoppedIn=noted))
    assert (standing.at, standing.interrupted_at) == (Phase.FROZEN, None)
    assert not any(standing.reached(phase) for phase in WAY)


@pytest.mark.parametrize("phase", WAY)
def test_reached_is_the_way_up_to_the_phase(phase: Phase) -> None:
    standing = standing_of(record(phase))
    assert [one for one in WAY if standing.reached(one)] == list(WAY[: WAY.index(phase) + 1])


@pytest.mark.parametrize("code", sorted(GATE_CODES))
def test_a_gate_is_no_failure(code: str) -> None:
    assert standing_of(record(Phase.READY, None, code)).failed is None


def test_a_failure_has_its_code_and_a_clean_close_has_none() -> None:
    assert standing_of(record(Phase.CUTTING_OVER, None, "LAUNCH_FAILED")).failed is not None
    assert standing_of(record(Phase.FAILED, Phase.READY, "NOT_REACHED")).has_failed is False
    assert standing_of(record(Phase.FAILED)).failed is not None


@pytest.mark.parametrize("phase", list(Phase))
def test_cut_over_is_verified_and_not_found_broken_since(phase: Phase) -> None:
    assert standing_of(record(phase)).is_cut_over is (phase in CUT_OVER)
    assert standing_of(record(phase, None, INSTANCE_BROKEN)).is_cut_over is False


def test_no_step_both_acts_and_is_past() -> None:
    for phase in Phase:
        standing = standing_of(record(phase, ready=True))
        assert not [step for step in STEP_TABLE if standing.acts(step) and standing.is_past(step)]


def test_only_an_open_cutover_is_launching() -> None:
    intent = Intent("TERMINATE", "i", 1, "2026-01-01T00:00:00+00:00")
    one = record(Phase.CUTTING_OVER)
    assert not standing_of(one.to(one.phase, intents={"TERMINATE": intent})).launching
    assert standing_of(one.to(one.phase, intents={"START_CUTOVER": intent})).launching


@pytest.mark.parametrize("step", ["quiesce", "cutover"])
@pytest.mark.parametrize(
    ("ready", "state", "repeats"),
    [
        (True, None, True),
        (True, "READY_FOR_CUTOVER", True),
        (True, "READY_FOR_TEST", False),
        (False, None, False),
        (False, "READY_FOR_CUTOVER", False),
    ],
)
def test_what_was_rolled_back_is_cut_over_again_only_when_it_was_ready_and_is(
    step: str, ready: bool, state: str | None, repeats: bool
) -> None:
    view = replace(HEALTHY, lifecycle_state=state) if state else None
    standing = standing_of(record(Phase.ROLLED_BACK, ready=ready), view)
    assert (standing.can_repeat, standing.acts(step)) == (repeats, repeats)
    # Its test starts over in any case.
    assert standing.acts("test_launch")


def test_only_what_was_rolled_back_repeats() -> None:
    for phase in set(Phase) - {Phase.ROLLED_BACK}:
        assert not standing_of(record(phase, ready=True)).can_repeat
    assert standing_of(record(Phase.READY)).acts("cutover")


def test_phases_that_reach_no_cutover_by_themselves() -> None:
    assert {Phase.FAILED, Phase.FROZEN, Phase.ROLLING_BACK, Phase.ROLLED_BACK} == NOT_COMING


def test_each_of_a_failure_a_hold_and_a_rollback_stops_the_wave() -> None:
    assert standing_of(record(Phase.READY, None, "LAUNCH_FAILED")).has_failed
    assert standing_of(record(Phase.FROZEN, Phase.READY, "NOT_REACHED")).has_failed
    assert standing_of(record(Phase.ROLLING_BACK)).has_failed
    assert not standing_of(record(Phase.READY)).has_failed


def test_when_it_stopped_counts_while_it_is_stopped() -> None:
    at = "2026-01-01T00:00:00+00:00"
    assert standing_of(record(Phase.READY, None, "LAUNCH_FAILED", stoppedAt=at)).stopped_at == at
    assert standing_of(record(Phase.FROZEN, Phase.READY, "NOT_REACHED", stoppedAt=at)).stopped_at == at
    assert standing_of(record(Phase.READY, stoppedAt=at)).stopped_at is None


def test_a_failure_says_why() -> None:
    one = record(Phase.READY, None, "LAUNCH_FAILED")
    failures = [standing_of(replace(one, error_message=said)).failed for said in ("no quota", None)]
    assert [failure.message for failure in failures if failure] == ["no quota", ""]
