"""What failed or was left as it is goes on only when it is asked for itself, and the approver sees it as a retry."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import StepFailedError
from migration_ops.core.states import Phase
from migration_ops.wave.permission import ApplicationHeldError, GateShutError, RollbackUnfinishedError
from migration_ops.wave.rules.standing import STOPPED_IN
from migration_ops.wave.services import StepInput, StepSkipped
from migration_ops.wave.steps.registry import STEPS
from tests.wave.steps.wave_driver import HOLD, Driver

A = {"appName": "a", "servers": 1, "state": "READY_FOR_CUTOVER"}
B = {"appName": "b", "servers": 1}


def fail(driver: Driver, step: str, app: str, fault: str = "launchFailure") -> None:
    driver.box.client.add_fault(fault, times=1, serverIds=driver.servers(app))
    with pytest.raises(StepFailedError):
        driver.step(step, app)


def hold(driver: Driver, app: str) -> None:
    with pytest.raises(StepSkipped):
        driver.roll_back(app, HOLD)


@pytest.fixture
def stale(wave: Any) -> Any:
    """``a`` failed in its cutover with an instance running, ``b`` failed in its test."""

    def make(**conf: Any) -> Driver:
        driver: Driver = wave(A, B, **conf)
        driver.register()
        driver.test("a")
        fail(driver, "test_launch", "b")
        driver.step("go_no_go")
        fail(driver, "cutover", "a", "staleSnapshot")
        return driver

    return make


@pytest.mark.parametrize("end", ["question open", "held", "closed"])
def test_it_is_not_launched_because_another_one_was_cleared(stale: Any, end: str) -> None:
    driver = stale()
    if end == "held":
        hold(driver, "a")
    elif end == "closed":
        with pytest.raises(StepFailedError):
            driver.step("close", "a")
    kept, [record] = driver.instances("a"), driver.records("a")
    driver.test("b")
    sheet = driver.step("go_no_go")
    assert sheet["ready"] == ["b"]
    assert str(record.error_message)[:40] in sheet["excluded"]["a"]
    assert "what to do" in sheet["markdown"]
    with pytest.raises(StepSkipped, match="left out"):
        driver.step("wait_for_dependencies", "a")
    for step in ("quiesce", "cutover"):
        if step == "cutover":
            with pytest.raises(ApplicationHeldError):
                driver.step(step, "a")
    assert driver.jobs("START_CUTOVER", "a") == dict.fromkeys(driver.servers("a"), 1)
    assert driver.instances("a") == kept
    assert driver.records("a")[0].error_code == record.error_code
    driver.cutover("b")


def test_it_is_not_launched_when_the_window_lets_the_whole_wave_through_again(stale: Any) -> None:
    driver = stale()
    hold(driver, "a")
    driver.step("cutover_window")
    for step in ("wait_for_dependencies", "cutover"):
        with pytest.raises(ApplicationHeldError):
            driver.step(step, "a")
    driver.assert_jobs("START_CUTOVER", "a", 1)


def test_it_is_not_launched_when_the_old_sheet_is_approved_again(stale: Any) -> None:
    driver = stale()
    hold(driver, "a")
    again = driver.approve(driver.results["go_no_go"]) | {"at": driver.services.now().isoformat()}
    with pytest.raises(ApplicationHeldError):
        driver.step("cutover", "a", approval=again)
    driver.assert_jobs("START_CUTOVER", "a", 1)


def test_airflows_own_retry_does_not_ask_for_what_is_held(stale: Any) -> None:
    from migration_ops.wave.services import StepInput
    from migration_ops.wave.steps.registry import STEPS

    driver = stale()
    hold(driver, "a")
    inputs = driver._inputs("cutover")
    with pytest.raises(GateShutError):
        STEPS["cutover"](driver.services, StepInput(driver.plan, driver.plan.application("a"), None, inputs, True))
    driver.assert_jobs("START_CUTOVER", "a", 1)


@pytest.mark.parametrize("is_held", [False, True])
def test_who_clears_it_alone_gets_it_launched(stale: Any, is_held: bool) -> None:
    driver = stale()
    if is_held:
        hold(driver, "a")
    driver.cutover("a")
    assert driver.phases("a") == {"CUTOVER_VERIFIED"}
    driver.assert_jobs("START_CUTOVER", "a", 2)


def test_cleared_in_its_test_the_new_sheet_shows_it_as_a_retry(stale: Any) -> None:
    driver = stale()
    before = driver.results["go_no_go"]["digest"]
    hold(driver, "a")
    [[instance]] = driver.instances("a").values()
    driver.test("b")
    driver.step("mark_ready", "a")
    sheet = driver.step("go_no_go")
    assert sheet["ready"] == ["a", "b"]
    text = sheet["markdown"].replace("\\", "")
    assert "retry, asked for on" in text
    assert f"its instance {instance} is terminated and replaced" in text
    assert sheet["digest"] != before
    driver.cutover("a")
    assert driver.phases("a") == {"CUTOVER_VERIFIED"}
    assert "retry" not in driver.records("a")[0].facts


def test_a_new_run_shows_it_as_a_retry(wave: Any) -> None:
    driver: Driver = wave(A)
    driver.ready()
    fail(driver, "cutover", "a")
    with pytest.raises(StepFailedError):
        driver.step("close", "a")
    driver.services.mgn.change_lifecycle(driver.servers("a")[0], "READY_FOR_CUTOVER")
    holder = replace(driver.services.holder, run_id="second")
    second = replace(driver, services=replace(driver.services, holder=holder), results={})
    second.start()
    second.test("a")
    sheet = second.step("go_no_go")
    assert sheet["ready"] == ["a"]
    assert "LAUNCH_FAILED" in sheet["markdown"].replace("\\", "")


def test_a_rollback_that_stopped_half_way_is_not_gone_on_with_by_the_work(wave: Any, box: Any) -> None:
    driver: Driver = wave(A)
    driver.ready()
    driver.step("cutover", "a")
    box.client.add_fault("accessDenied", service="mgn", operation="ChangeServerLifeCycleState", times=1)
    with pytest.raises(Exception, match="could not be finished"):
        driver.roll_back("a")
    with pytest.raises(StepFailedError, match="no application is ready"):
        driver.step("go_no_go")
    for step in ("replication_ready", "test_launch", "cutover"):
        with pytest.raises(StepFailedError):
            driver.step(step, "a")
    driver.assert_jobs("START_CUTOVER", "a", 1)
    driver.roll_back("a")
    assert driver.phases("a") == {"ROLLED_BACK"}


@pytest.mark.parametrize("stopped", [False, True])
def test_nothing_of_an_application_is_test_launched_while_a_rollback_of_it_is_unfinished(
    wave: Any, stopped: bool
) -> None:
    driver: Driver = wave({"appName": "b", "servers": 2})
    driver.register()
    [first, _] = driver.records("b")
    ledger = driver.services.ledger
    [first] = ledger.write([first], [first.to(Phase.ROLLING_BACK)], "test")
    if stopped:
        facts = {**first.facts, STOPPED_IN: Phase.ROLLING_BACK.value}
        ledger.write([first], [first.to(Phase.FROZEN, facts=facts)], "test")
    with pytest.raises(RollbackUnfinishedError):
        driver.step("test_launch", "b")
    driver.assert_jobs("START_TEST", "b", 0)


@pytest.fixture
def launched(wave: Any) -> Driver:
    """Its cutover instance runs, the verification failed, and a person left it as it is."""
    driver: Driver = wave(A)
    driver.register()
    driver.test("a")
    driver.step("go_no_go")
    driver.step("cutover", "a")
    hold(driver, "a")
    return driver


def test_what_is_held_after_its_launch_is_not_verified_because_the_wave_was_cleared(launched: Driver) -> None:
    launched.step("cutover_window")
    with pytest.raises(ApplicationHeldError):
        launched.step("cutover_verify", "a")
    assert launched.phases("a") == {Phase.FROZEN}


def test_nor_by_a_retry_that_nobody_asked_for(launched: Driver) -> None:
    inputs = launched._inputs("cutover_verify")
    retried = StepInput(launched.plan, launched.plan.application("a"), None, inputs, is_retry=True)
    with pytest.raises(ApplicationHeldError):
        STEPS["cutover_verify"](launched.services, retried)


def test_asked_for_itself_it_is_verified(launched: Driver) -> None:
    launched.step("cutover_verify", "a")
    assert launched.phases("a") == {Phase.CUTOVER_VERIFIED}
