"""What is held stays held when the whole wave is cleared; it goes on when it is asked for itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import StepFailedError
from migration_ops.wave.permission import ApplicationHeldError, GateShutError, NotOnSheetError
from migration_ops.wave.services import StepInput, StepSkipped
from migration_ops.wave.steps.registry import STEPS
from tests.wave.steps.test_held import A, B, fail, hold
from tests.wave.steps.wave_driver import HOLD, Driver

FRESH = {"appName": "a", "servers": 1}


@pytest.fixture
def held_in_test(wave: Any) -> Driver:
    """The test instance of ``a`` runs, its verification failed, and a person left it as it is to look at it."""
    driver: Driver = wave(FRESH, B)
    driver.register()
    driver.step("replication_ready", "a")
    driver.step("test_launch", "a")
    fail_verification(driver)
    hold(driver, "a")
    return driver


def fail_verification(driver: Driver) -> None:
    from migration_ops.wave.records import note_failure

    note_failure(driver.services, driver.plan.application("a"), StepFailedError("its checks did not pass"))


def test_the_whole_wave_is_cleared_and_it_stays_held(held_in_test: Driver) -> None:
    driver = held_in_test
    kept, before = driver.instances("a"), driver.records("a")[0]
    driver.register()
    with pytest.raises(ApplicationHeldError):
        driver.step("replication_ready", "a")
    [record] = driver.records("a")
    assert (record.phase, record.error_code) == ("FROZEN", "HELD")
    assert record.error_message == before.error_message
    assert driver.instances("a") == kept
    driver.test("b")
    assert driver.step("go_no_go")["ready"] == ["b"]
    driver.assert_jobs("START_TEST", "a", 1)


def test_then_asked_for_itself_it_goes_on(held_in_test: Driver) -> None:
    driver = held_in_test
    driver.register()
    with pytest.raises(ApplicationHeldError):
        driver.step("replication_ready", "a")
    driver.test("a")
    assert driver.phases("a") == {"READY"}


def test_the_next_reset_keeps_it_held_again(held_in_test: Driver) -> None:
    driver = held_in_test
    for _ in range(2):
        driver.register()
        with pytest.raises(ApplicationHeldError):
            driver.step("replication_ready", "a")
    driver.assert_jobs("START_TEST", "a", 1)


def test_airflows_own_retry_of_a_test_task_does_not_ask_for_it(held_in_test: Driver) -> None:
    driver = held_in_test
    for step in ("test_verify", "mark_ready"):
        inp = StepInput(driver.plan, driver.plan.application("a"), None, {}, is_retry=True)
        with pytest.raises(GateShutError):
            STEPS[step](driver.services, inp)
    assert driver.phases("a") == {"FROZEN"}


def test_a_new_run_that_names_it_asks_for_it(held_in_test: Driver) -> None:
    holder = replace(held_in_test.services.holder, run_id="second")
    second = replace(held_in_test, services=replace(held_in_test.services, holder=holder), results={})
    held_in_test.services.ledger.release(list(second.plan.server_ids), held_in_test.services.holder)
    second.register()
    second.test("a")
    assert second.phases("a") == {"READY"}


@pytest.fixture
def held_in_cutover(wave: Any) -> Driver:
    """``a`` was cut over from an old snapshot, its instance is in use, and a person left it as it is."""
    driver: Driver = wave(A, B)
    driver.register()
    driver.test("a")
    fail(driver, "test_launch", "b")
    driver.step("go_no_go")
    fail(driver, "cutover", "a", "staleSnapshot")
    hold(driver, "a")
    return driver


def test_what_is_held_in_its_cutover_stays_held_through_a_reset(held_in_cutover: Driver) -> None:
    driver = held_in_cutover
    driver.services.mgn.change_lifecycle(driver.servers("a")[0], "READY_FOR_CUTOVER")
    driver.register()
    with pytest.raises(ApplicationHeldError):
        driver.step("replication_ready", "a")
    driver.test("b")
    assert driver.step("go_no_go")["ready"] == ["b"]
    driver.assert_jobs("START_CUTOVER", "a", 1)


@pytest.mark.parametrize("step", ["replication_ready", "test_launch", "test_verify"])
def test_a_task_with_nothing_to_do_does_not_take_it_up(held_in_cutover: Driver, step: str) -> None:
    driver = held_in_cutover
    driver.step(step, "a")
    [record] = driver.records("a")
    assert (record.phase, record.error_code) == ("FROZEN", "HELD")


def test_taken_up_after_the_sheet_it_is_not_launched_on_that_sheet(held_in_cutover: Driver) -> None:
    """``mark_ready`` cleared alone: nobody who approved has seen the retry, which replaces an instance in use."""
    driver = held_in_cutover
    driver.step("mark_ready", "a")
    kept = driver.instances("a")
    driver.step("cutover_window")
    for step in ("wait_for_dependencies", "cutover"):
        if step == "cutover":
            with pytest.raises(NotOnSheetError):
                driver.step(step, "a")
    assert driver.instances("a") == kept
    driver.test("b")
    assert driver.step("go_no_go")["ready"] == ["a", "b"]
    driver.cutover("a")
    assert driver.phases("a") == {"CUTOVER_VERIFIED"}


def test_held_again_by_the_conf_the_words_of_the_person_stay(held_in_test: Driver) -> None:
    driver = held_in_test
    with pytest.raises(StepSkipped):
        driver.roll_back("a", {"decision": "hold", "reason": "onFailure: ask", "by": "conf"})
    assert driver.records("a")[0].error_message == HOLD["reason"]


def test_a_rollback_that_left_an_instance_is_not_forgotten_by_a_reset(wave: Any) -> None:
    driver: Driver = wave(A)
    driver.ready()
    driver.step("cutover", "a")
    driver.box.client.add_fault("accessDenied", service="mgn", operation="TerminateTargetInstances", times=1)
    with pytest.raises(Exception, match="could not be finished"):
        driver.roll_back("a")
    assert driver.states("a") == {"READY_FOR_CUTOVER"}
    driver.register()
    with pytest.raises(GateShutError):
        driver.step("replication_ready", "a")
    with pytest.raises(StepFailedError):
        driver.step("go_no_go")
    driver.roll_back("a")
    assert (driver.phases("a"), driver.instances("a")) == ({"ROLLED_BACK"}, {})
