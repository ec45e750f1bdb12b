"""What the simulation found in the package and nobody has mended yet. One that is mended fails here: remove it, and its
line in ``include/simulation/known.py``."""

from __future__ import annotations

import pytest

from include.simulation.faults import Fault, Kind, Planned
from include.simulation.known import KNOWN, known_reason
from include.simulation.schedule import Report, enumerated
from tests.simulation.planted import FAILS_ONCE, Clearing, people, ready


def rollback_looks_older_than_the_sheet() -> Report:
    """The sheet is made on a worker whose clock is five minutes ahead, the rollback on one that is five behind."""
    undone = people(Clearing, decision="rollback", keys=["cutover.wait_for_dependencies:app"])
    skews = {"go_no_go": 300.0, "rollback": -300.0}
    return ready(domain=FAILS_ONCE, make_people=undone, skews=skews).run()


def held_application_is_finalized() -> Report:
    """The verification's write is refused, a person leaves the application as it is, and somebody clears
    ``approve_cutover`` for the others: the verification takes it up again, and it is finalized."""
    held = people(Clearing, decision="hold", keys=["approve_cutover"])
    return ready(faults=Planned((Fault(7, Kind.REFUSED),)), make_people=held).run()


def source_is_started_behind_the_quiesce() -> Report:
    """The rollback's start command has no answer and is sent again; the wave is cleared, the source is stopped, and
    now the first command arrives. The ledger says STOPPED, and what is written from here on is lost."""
    undone = people(Clearing, decision="rollback", keys=["go_no_go"])
    late = Planned((Fault(24, Kind.LATE),), late=125.0)
    return ready(domain=FAILS_ONCE, quiesces=True, faults=late, make_people=undone).run()


FINDINGS = {
    "quiesced": source_is_started_behind_the_quiesce,
    "approved": rollback_looks_older_than_the_sheet,
    "not held": held_application_is_finalized,
}
REASONS = {one.invariant: one.reason for one in KNOWN}


@pytest.mark.parametrize(
    "invariant",
    [pytest.param(one, marks=pytest.mark.xfail(reason=REASONS[one], strict=True)) for one in FINDINGS],
)
def test_the_invariant_holds(invariant: str) -> None:
    assert FINDINGS[invariant]().violations == ()


@pytest.mark.parametrize("invariant", FINDINGS)
def test_it_is_known_for_what_it_is(invariant: str) -> None:
    """Nothing else breaks in the trail of a known finding."""
    found = FINDINGS[invariant]().violations
    assert {one.invariant for one in found} <= {invariant}
    assert [one for one in found if known_reason(one) is None] == []


def test_each_known_violation_has_its_finding() -> None:
    assert set(REASONS) == set(FINDINGS)


def test_a_launch_that_took_effect_late_is_adopted() -> None:
    """StartCutover takes effect after the settle time, when nobody follows it: the write that was to send it again had
    no answer either, and its task failed. Cleared, the cutover follows the one that runs."""
    report = enumerated((Fault(22, Kind.LATE), Fault(24, Kind.LATE))).run()
    assert (report.violations, report.is_green) == ((), True)
