"""The ledger's transitions: the whole table, and what must never be possible."""

from __future__ import annotations

import itertools

import pytest

from migration_ops.core.states import (
    AFTER_NO_RETURN,
    ARCHIVABLE,
    CUT_OVER,
    ENDED,
    IN_CUTOVER,
    IN_TEST,
    MAY_WAIT_LONG,
    NEEDS_REPLICATION,
    NOT_TIMED,
    PERHAPS_AFTER_NO_RETURN,
    SHOWN_IN_REPORT,
    STATUS_OF,
    STOPPED,
    TRANSITIONS,
    IllegalTransitionError,
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
        with pytest.raises(IllegalTransitionError) as caught:
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


# A second writing of the table: whoever changes a transition changes it here too.
WAYS = {
    "PLANNED": "TEST_LAUNCHING READY ROLLING_BACK FAILED FROZEN",
    "TEST_LAUNCHING": "TEST_LAUNCHING TEST_LAUNCHED ROLLING_BACK FAILED FROZEN",
    "TEST_LAUNCHED": "TESTED TEST_LAUNCHING ROLLING_BACK FAILED FROZEN",
    "TESTED": "READY TEST_LAUNCHING ROLLING_BACK FAILED FROZEN",
    "READY": "READY CUTTING_OVER TEST_LAUNCHING ROLLING_BACK FAILED FROZEN",
    "CUTTING_OVER": "CUTTING_OVER CUTOVER_LAUNCHED ROLLING_BACK FAILED FROZEN",
    "CUTOVER_LAUNCHED": "CUTOVER_VERIFIED CUTTING_OVER ROLLING_BACK FAILED FROZEN",
    "CUTOVER_VERIFIED": "FINALIZING CUTTING_OVER ROLLING_BACK FAILED FROZEN",
    "FINALIZING": "FINALIZING FINALIZED ROLLING_BACK FAILED FROZEN",
    "FINALIZED": "FINALIZED",
    "ROLLING_BACK": "ROLLING_BACK ROLLED_BACK FROZEN",
    "ROLLED_BACK": "PLANNED TEST_LAUNCHING READY CUTTING_OVER ROLLING_BACK FROZEN",
    "FAILED": " ".join(set(Phase) - {"FINALIZED"}),
    "FROZEN": " ".join(Phase),
}


@pytest.mark.parametrize("old", Phase, ids=lambda phase: phase.value)
def test_the_ways_from_a_phase(old: Phase) -> None:
    assert TRANSITIONS[old] == set(WAYS[old].split())


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (ENDED, "FINALIZED ROLLED_BACK FAILED FROZEN"),
        (STOPPED, "FAILED FROZEN"),
        (CUT_OVER, "CUTOVER_VERIFIED FINALIZING FINALIZED"),
        (PERHAPS_AFTER_NO_RETURN, "FINALIZING FINALIZED FROZEN"),
        (IN_TEST, "TEST_LAUNCHING TEST_LAUNCHED TESTED"),
        (IN_CUTOVER, "CUTTING_OVER CUTOVER_LAUNCHED CUTOVER_VERIFIED FINALIZING"),
        (NEEDS_REPLICATION, "PLANNED TEST_LAUNCHING TEST_LAUNCHED TESTED READY CUTTING_OVER"),
        (MAY_WAIT_LONG, "PLANNED TESTED READY CUTOVER_VERIFIED"),
        (NOT_TIMED, "PLANNED READY CUTOVER_VERIFIED FINALIZED ROLLED_BACK FAILED FROZEN"),
        (ARCHIVABLE, "FINALIZED ROLLED_BACK FAILED"),
        (set(SHOWN_IN_REPORT), "TEST_LAUNCHING TESTED READY CUTTING_OVER CUTOVER_VERIFIED FINALIZED ROLLED_BACK"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_a_phase_belongs_to(found: frozenset[Phase], named: str) -> None:
    assert found == set(named.split())


@pytest.mark.parametrize("phase", [Phase.PLANNED, Phase.FINALIZED, Phase.ROLLED_BACK, Phase.FAILED, Phase.FROZEN])
def test_the_status_of_a_phase_in_which_nothing_works(phase: Phase) -> None:
    named = {Phase.PLANNED: Status.REQUESTED, Phase.FINALIZED: Status.COMPLETED}
    assert STATUS_OF[phase] is named.get(phase, Status.__members__.get(phase.value))
