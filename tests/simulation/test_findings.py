"""What the simulation found in the package, each as the schedule that showed it.

What cannot be fixed at once stays here as a strict xfail.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from include.simulation.faults import Fault, Kind, Planned
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


@pytest.mark.parametrize(
    "schedule",
    [rollback_looks_older_than_the_sheet, held_application_is_finalized, source_is_started_behind_the_quiesce],
)
def test_every_invariant_holds(schedule: Callable[[], Report]) -> None:
    assert schedule().violations == ()


def test_a_launch_that_took_effect_late_is_adopted() -> None:
    """StartCutover takes effect after the settle time, when nobody follows it: the write that was to send it again had
    no answer either, and its task failed. Cleared, the cutover follows the one that runs."""
    report = enumerated((Fault(22, Kind.LATE), Fault(24, Kind.LATE))).run()
    assert (report.violations, report.is_green) == ((), True)
