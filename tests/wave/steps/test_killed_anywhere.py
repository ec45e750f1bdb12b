"""Every step: its worker dies around a write to the ledger, or it is cleared after it was done; the wave ends the same.

Calls of MGN have tests of their own (test_once_only); here it is what the step keeps that is lost.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import MigrationError
from migration_ops.wave.steps.registry import STEPS
from tests.wave.steps.wave_driver import CUTOVER, FINISH, TEST, Driver, WorkerKilled

WHOLE = (*TEST, "go_no_go", "cutover_window", *CUTOVER, "soak", *FINISH)
OF_THE_WAVE = {"go_no_go", "cutover_window", "soak"}
# With the wave's conf here these read the clock or nothing at all: what bears on them has tests of its own.
AFTER_ROLLBACK = ("update_cmdb_after_rollback", "send_callback_after_rollback")
READS_NO_LEDGER = {"cutover_window", "quiesce", "update_cmdb", "send_callback"}
# A rollback comes in the place of the end.
UNDONE = (*TEST, "go_no_go", "cutover_window", *CUTOVER, "rollback", *AFTER_ROLLBACK)


class DyingLedger:
    """The ledger; its next write takes effect or not, and never comes back."""

    def __init__(self, ledger: Any, *, takes_effect: bool) -> None:
        self._ledger, self._takes_effect = ledger, takes_effect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def write(self, *arguments: Any, **named: Any) -> Any:
        if self._takes_effect:
            self._ledger.write(*arguments, **named)
        raise WorkerKilled


def way_of(name: str) -> tuple[str, ...]:
    return UNDONE if goes_back(name) else WHOLE


def goes_back(name: str) -> bool:
    return name == "rollback" or name in AFTER_ROLLBACK


def take(driver: Driver, name: str) -> Any:
    if name == "rollback":
        return driver.roll_back("app")
    return driver.step(name, None if name in OF_THE_WAVE else "app")


def up_to(wave: Any, name: str) -> Driver:
    """The run right before this step."""
    driver: Driver = wave()
    driver.start()
    for before in way_of(name)[: way_of(name).index(name)]:
        take(driver, before)
    return driver


def assert_ends_well(driver: Driver, name: str) -> None:
    way = way_of(name)
    for after in way[way.index(name) + 1 :]:
        take(driver, after)
    assert driver.phases("app") == {"ROLLED_BACK" if goes_back(name) else "FINALIZED"}
    for action in ("START_TEST", "START_CUTOVER"):
        driver.assert_jobs(action, "app", 1)
    driver.assert_jobs("TERMINATE", "app", 2 if goes_back(name) else 1)
    assert len(driver.instances("app")) == (0 if goes_back(name) else 1)


@pytest.mark.parametrize("takes_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_killed_around_its_first_write_it_ends_as_ever(wave: Any, name: str, takes_effect: bool) -> None:
    """A step that writes nothing is killed at its end: its result is lost."""
    driver = up_to(wave, name)
    before = dict(driver.results)
    ledger = DyingLedger(driver.services.ledger, takes_effect=takes_effect)
    dying = replace(driver, services=replace(driver.services, ledger=ledger))
    try:
        take(dying, name)
    except WorkerKilled:
        assert driver.results == before
    driver.results.clear()
    driver.results.update(before)
    take(driver, name)
    assert_ends_well(driver, name)


@pytest.mark.parametrize("name", STEPS)
def test_cleared_after_it_was_done_it_does_nothing_twice(wave: Any, name: str) -> None:
    driver = up_to(wave, name)
    take(driver, name)
    phases = driver.phases("app")
    take(driver, name)
    assert driver.phases("app") == phases
    assert_ends_well(driver, name)


@pytest.mark.parametrize("name", [one for one in STEPS if one not in READS_NO_LEDGER])
def test_a_refused_read_of_the_ledger_passes_no_step(wave: Any, box: Any, name: str) -> None:
    driver = up_to(wave, name)
    jobs = {action: driver.jobs(action) for action in ("START_TEST", "START_CUTOVER", "TERMINATE")}
    state = driver.states("app")
    for operation in ("BatchGetItem", "GetItem", "Query", "TransactWriteItems", "TransactGetItems"):
        box.client.add_fault("accessDenied", service="dynamodb", operation=operation)
    with pytest.raises(MigrationError, match="ACCESS_DENIED"):
        take(driver, name)
    box.client.clear_faults()
    assert {action: driver.jobs(action) for action in jobs} == jobs
    assert driver.states("app") == state
    take(driver, name)
    assert_ends_well(driver, name)


@pytest.mark.parametrize("name", STEPS)
def test_a_lost_answer_of_the_ledger_ends_as_ever(wave: Any, box: Any, name: str) -> None:
    driver = up_to(wave, name)
    box.client.add_fault("dropAfter", service="dynamodb", operation="TransactWriteItems", times=2)
    if name == "rollback":
        driver.retried("rollback", "app", decision={"decision": "rollback"})
    elif name in OF_THE_WAVE:
        take(driver, name)
    else:
        driver.retried(name, "app")
    box.client.clear_faults()
    assert_ends_well(driver, name)
