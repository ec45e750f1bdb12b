"""The ledger's transitions: the whole table, and what must never be possible."""

from __future__ import annotations

import itertools

import pytest

from migration_ops.core.states import (
    AFTER_NO_RETURN,
    CUT_OVER,
    ENDED,
    STATUS_OF,
    TRANSITIONS,
    IllegalTransition,
    Phase,
    Status,
    check_transition,
)

PAIRS = list(itertools.product(Phase, Phase))
WORKING = [
    Phase.TEST_LAUNCHING,
    Phase.TEST_LAUNCHED,
    Phase.TESTED,
    Phase.READY,
    Phase.CUTTING_OVER,
    Phase.CUTOVER_LAUNCHED,
    Phase.CUTOVER_VERIFIED,
    Phase.FINALIZING,
    Phase.ROLLING_BACK,
]


@pytest.mark.parametrize(("old", "new"), PAIRS, ids=lambda phase: phase.value)
def test_only_what_the_table_names_passes(old: Phase, new: Phase) -> None:
    if new is old or new in TRANSITIONS[old]:
        check_transition("mig-1", old, new)
    else:
        with pytest.raises(IllegalTransition) as caught:
            check_transition("mig-1", old, new)
        assert caught.value.context == {"migrationId": "mig-1", "old": old.value, "new": new.value}


def test_every_phase_has_a_status_and_a_row() -> None:
    assert set(STATUS_OF) == set(TRANSITIONS) == set(Phase)
    assert set(STATUS_OF.values()) == set(Status)


@pytest.mark.parametrize("phase", WORKING)
def test_working_phases_are_in_progress(phase: Phase) -> None:
    assert STATUS_OF[phase] is Status.MIGRATION_IN_PROGRESS
    assert phase not in ENDED


def test_nothing_follows_finalized() -> None:
    assert TRANSITIONS[Phase.FINALIZED] == {Phase.FINALIZED}
    assert {Phase.FINALIZED} == AFTER_NO_RETURN


@pytest.mark.parametrize(
    "old", [phase for phase in Phase if phase not in {Phase.FINALIZING, Phase.FINALIZED, Phase.FROZEN}]
)
def test_only_finalizing_leads_to_finalized(old: Phase) -> None:
    assert Phase.FINALIZED not in TRANSITIONS[old]


@pytest.mark.parametrize("old", [phase for phase in WORKING if phase is not Phase.ROLLING_BACK])
def test_whatever_works_can_be_stopped(old: Phase) -> None:
    assert {Phase.ROLLING_BACK, Phase.FAILED, Phase.FROZEN} <= TRANSITIONS[old]


@pytest.mark.parametrize("old", [Phase.PLANNED, Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED])
def test_a_cutover_needs_ready(old: Phase) -> None:
    assert not TRANSITIONS[old] & {Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, *CUT_OVER}


@pytest.mark.parametrize("old", [Phase.CUTTING_OVER, Phase.CUTOVER_LAUNCHED, Phase.READY])
def test_finalizing_needs_a_verified_cutover(old: Phase) -> None:
    assert Phase.FINALIZING not in TRANSITIONS[old]


def test_a_rollback_ends_clean_or_frozen_never_failed() -> None:
    assert TRANSITIONS[Phase.ROLLING_BACK] == {Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.FROZEN}
