"""A gate that said no is no failure of the application, and the wave's stop is left by the way its hint names."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.core.errors import StepFailedError
from migration_ops.wave.permission import DependencyNotCutOverError, WaveStoppedError, stop_reason
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import HOLD, ROLL_BACK, Driver

READY = {"servers": 1, "state": "READY_FOR_CUTOVER"}


def app(name: str, impact: str = "critical", **more: Any) -> dict[str, Any]:
    return READY | {"appName": name, "impact": impact} | more


@pytest.fixture
def ready(wave: Any) -> Any:
    """On the sheet; the first launch fails."""

    def make(*applications: dict[str, Any], **conf: Any) -> Driver:
        driver: Driver = wave(*applications, **conf)
        driver.ready()
        fail(driver, applications[0]["appName"])
        return driver

    return make


def fail(driver: Driver, name: str) -> None:
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers(name))
    with pytest.raises(StepFailedError, match="did not launch"):
        driver.step("cutover", name)


def stopped(driver: Driver, *names: str) -> None:
    for name in names:
        with pytest.raises(WaveStoppedError):
            driver.step("cutover", name)
        assert {record.error_code for record in driver.records(name)} == {None}


def cut_over(driver: Driver, *names: str) -> None:
    for name in names:
        driver.cutover(name)
        assert driver.phases(name) == {"CUTOVER_VERIFIED"}


def test_two_critical_applications_of_which_one_failed(ready: Any) -> None:
    driver = ready(app("a"), app("b"))
    stopped(driver, "b")
    cut_over(driver, "a", "b")


def test_two_critical_applications_that_both_failed(wave: Any) -> None:
    """Each one's task notes that it is asked for before it is stopped by the other."""
    driver: Driver = wave(app("a"), app("b"))
    driver.ready()
    driver.box.client.set_speed(0)
    driver.advance("cutover", "b")  # on its way when the other one fails
    driver.box.client.set_speed(20_000)
    fail(driver, "a")
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("b"))
    for name in ("b", "a", "b"):
        try:
            driver.cutover(name)
        except StepFailedError:
            continue
    cut_over(driver, "a", "b")


def test_what_was_stopped_does_not_count_for_the_threshold(ready: Any) -> None:
    driver = ready(app("a"), *(app(name, "medium") for name in ("b", "c", "d")), failureThreshold=2)
    stopped(driver, "b", "c", "d")
    cut_over(driver, "a", "b", "c", "d")


@pytest.mark.parametrize("way", ["clear this task", "clear go_no_go"])
def test_what_people_rolled_back_stops_nothing_any_more(ready: Any, way: str) -> None:
    driver = ready(app("a"), app("b"))
    stopped(driver, "b")
    driver.roll_back("a", ROLL_BACK | {"by": "ann"})
    if way == "clear go_no_go":
        assert "rolled back on" in driver.step("go_no_go")["markdown"]
    cut_over(driver, "b")


def test_what_the_conf_rolled_back_must_be_seen_on_a_new_sheet(ready: Any) -> None:
    driver = ready(app("a"), app("b"))
    driver.roll_back("a", {"decision": "rollback", "by": "conf", "reason": "onFailure: rollback"})
    stopped(driver, "b")
    driver.step("go_no_go")
    cut_over(driver, "b")


def test_a_dependant_that_waited_in_vain_stops_nobody(ready: Any) -> None:
    driver = ready(app("billing-db"), app("billing", dependsOn=["billing-db"]))
    with pytest.raises(StepSkipped):
        driver.roll_back("billing-db", HOLD)
    with pytest.raises(DependencyNotCutOverError, match="waited"):
        driver.step("wait_for_dependencies", "billing")
    assert driver.records("billing")[0].error_code is None
    cut_over(driver, "billing-db", "billing")


def test_only_what_failed_has_a_failure_to_decide_about(ready: Any) -> None:
    others = [f"b{number}" for number in range(5)]
    driver = ready(app("a"), *(app(name, "medium") for name in others))
    stopped(driver, *others)
    for name in others:
        with pytest.raises(GoalMissedError):
            driver.step("close", name)
        [record] = driver.records(name)
        assert (record.phase, record.error_code) == ("FAILED", "NOT_REACHED")
    records = driver.services.ledger.read(list(driver.plan.migration_ids))
    assert stop_reason(driver.plan, records) == "1 critical application failed"
    cut_over(driver, "a", *others)


def test_a_ledger_of_an_earlier_version_that_calls_a_stop_a_failure_is_read_as_what_it_is(ready: Any) -> None:
    driver = ready(app("a"), app("b"))
    [old] = driver.records("b")
    new = old.to(old.phase, error_code="WAVE_STOPPED", error_message="the wave stops")
    driver.services.ledger.write([old], [new], "step failed", holder=driver.services.holder)
    cut_over(driver, "a", "b")


@pytest.fixture
def one_is_final(wave: Any) -> Driver:
    """``a`` is finalized, critical ``b`` failed in its cutover, which stops ``c``; the run has ended."""
    driver: Driver = wave(app("a"), app("b"), app("c", "low"))
    driver.ready()
    driver.cutover("a")
    fail(driver, "b")
    stopped(driver, "c")
    driver.step("soak")
    driver.finish("a")
    close(driver, "b", "c")
    return driver


def close(driver: Driver, *names: str) -> None:
    for name in names:
        with pytest.raises(GoalMissedError):
            driver.step("close", name)


def through_the_test(driver: Driver, *names: str) -> None:
    for name in names:
        driver.step("mark_ready", name)
    driver.step("go_no_go")


@pytest.mark.parametrize("way", ["its cutover", "its mark_ready", "people roll it back", "the conf rolled it back"])
def test_after_a_finalized_application_the_hints_ways_lead_on(one_is_final: Driver, way: str) -> None:
    driver = one_is_final
    if way == "its mark_ready":
        with pytest.raises(WaveStoppedError):
            driver.step("go_no_go")
        through_the_test(driver, "b")
    elif way == "people roll it back":
        driver.roll_back("b", ROLL_BACK | {"by": "ann"})
    elif way == "the conf rolled it back":
        driver.roll_back("b", {"decision": "rollback", "by": "conf", "reason": "onFailure: rollback"})
        driver.step("go_no_go")
    if way.startswith("its"):
        cut_over(driver, "b")
    # It was closed as not reached: as any application, it is asked for by its own task.
    through_the_test(driver, "c")
    cut_over(driver, "c")
    driver.step("soak")
    driver.finish("c")
    assert (driver.phases("a"), driver.phases("c")) == ({"FINALIZED"}, {"FINALIZED"})
    driver.assert_jobs("START_CUTOVER", "a", 1)


def test_a_half_finalized_application_stops_the_wave_until_its_finalize_is_cleared(wave: Any, box: Any) -> None:
    driver: Driver = wave(app("a", servers=2), app("b", "low"))
    driver.ready()
    driver.cutover("a")
    driver.step("soak")
    bad = driver.servers("a")[0]
    box.client.add_fault("accessDenied", service="mgn", operation="FinalizeCutover", serverIds=[bad], times=1)
    with pytest.raises(StepFailedError):
        driver.step("finalize", "a")
    close(driver, "a")
    stopped(driver, "b")
    driver.step("finalize", "a")
    assert driver.phases("a") == {"FINALIZED"}
    cut_over(driver, "b")
