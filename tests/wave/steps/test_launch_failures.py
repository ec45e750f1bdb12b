"""A launch fails, partly or wholly, and the cleared task goes on from what MGN shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import StepFailed, StepTimedOut, Unknown
from migration_ops.wave.steps.close import GoalMissed
from tests.wave.steps.wave_driver import FAST, HOLD, Driver, MgnProxy, jobs_of

BOTH = pytest.mark.parametrize("state", ["stays", "back"])


def counts(driver: Driver, action: str) -> list[int]:
    return list(driver.jobs(action, "app").values())


@pytest.mark.parametrize(("how", "state"), [("launch", "stays"), ("launch", "back"), ("skip", "stays")])
def test_test_launch_fails_then_cleared_then_finished(wave: Any, box: Any, state: str, how: str) -> None:
    """Only the failed one of three is launched again; the run has ended in between, as it does in Airflow."""
    driver = wave({"appName": "app", "servers": 3})
    driver.register()
    bad = driver.servers("app")[1]
    box.client.add_fault("launchFailure", times=1, serverIds=[bad], at=how, state=state)
    with pytest.raises(StepFailed, match=bad):
        driver.step("test_launch", "app")
    assert driver.phases("app") == {"TEST_LAUNCHED", "TEST_LAUNCHING"}
    with pytest.raises(GoalMissed):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}  # two test instances run
    driver.test("app")
    assert counts(driver, "START_TEST") == [1, 2, 1]
    assert driver.phases("app") == {"READY"}


def test_a_lonely_failed_test_launch_ends_clean_and_goes_on_after_clearing(wave: Any, box: Any) -> None:
    driver = wave()
    driver.register()
    box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("app"), state="back")
    with pytest.raises(StepFailed):
        driver.step("test_launch", "app")
    with pytest.raises(GoalMissed):
        driver.step("close", "app")
    assert driver.phases("app") == {"FAILED"}
    [record] = driver.records("app")
    assert record.error_code == "LAUNCH_FAILED"
    driver.test("app")
    assert counts(driver, "START_TEST") == [2]
    assert driver.phases("app") == {"READY"}


@BOTH
def test_cutover_fails_then_cleared_then_finished(wave: Any, box: Any, state: str) -> None:
    driver = wave({"appName": "app", "servers": 2, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    bad = driver.servers("app")[1]
    box.client.add_fault("launchFailure", times=1, serverIds=[bad], state=state)
    with pytest.raises(StepFailed, match=bad):
        driver.step("cutover", "app")
    with pytest.raises(GoalMissed):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    driver.cutover("app")
    assert counts(driver, "START_CUTOVER") == [1, 2]
    driver.step("soak")
    driver.finish("app")
    assert driver.phases("app") == {"FINALIZED"}


def test_cutover_fails_and_is_rolled_back_while_the_sibling_goes_on(wave: Any, box: Any) -> None:
    driver = wave(
        {"appName": "app", "servers": 2, "state": "READY_FOR_CUTOVER"},
        {"appName": "sibling", "servers": 1, "state": "READY_FOR_CUTOVER"},
    )
    driver.ready()
    box.client.add_fault("launchFailure", times=1, serverIds=[driver.servers("app")[0]])
    with pytest.raises(StepFailed):
        driver.step("cutover", "app")
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.states("app") == {"READY_FOR_CUTOVER"}
    assert driver.instances("app") == {}
    driver.cutover("sibling")
    driver.step("soak")
    for name in ("app", "sibling"):
        if name == "sibling":
            driver.finish(name)
    with pytest.raises(GoalMissed):
        driver.step("close", "app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.phases("sibling") == {"FINALIZED"}
    driver.assert_jobs("START_CUTOVER", "sibling")
    driver.assert_jobs("TERMINATE", "sibling", 0)


def test_a_rolled_back_application_is_cut_over_after_clearing(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("app"))
    with pytest.raises(StepFailed):
        driver.step("cutover", "app")
    driver.roll_back("app")
    driver.cutover("app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    assert counts(driver, "START_CUTOVER") == [2]


def test_held_then_cleared_launches_nothing_that_was_launched(wave: Any, box: Any) -> None:
    """``hold`` freezes the good servers with the bad one; clearing goes on, it does not start over."""
    driver = wave({"appName": "app", "servers": 2, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    good, bad = driver.servers("app")
    box.client.add_fault("launchFailure", times=1, serverIds=[bad])
    with pytest.raises(StepFailed):
        driver.step("cutover", "app")
    with pytest.raises(Exception, match="a test"):
        driver.roll_back("app", HOLD)
    assert driver.phases("app") == {"FROZEN"}
    assert {r.error_code for r in driver.records("app")} == {"HELD"}
    kept = driver.instances("app")
    driver.cutover("app")
    assert counts(driver, "START_CUTOVER") == [1, 2]
    assert driver.instances("app")[good] == kept[good]
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}


def test_a_stale_snapshot_fails_the_cutover_and_the_next_attempt_is_good(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 2, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    bad = driver.servers("app")[0]
    box.client.add_fault("staleSnapshot", times=1, serverIds=[bad])
    with pytest.raises(StepFailed, match="old snapshot"):
        driver.step("cutover", "app")
    [record, other] = driver.records("app")
    assert (record.phase, record.error_code, record.instance_id) == ("CUTTING_OVER", "STALE_SNAPSHOT", None)
    assert record.intents["START_CUTOVER"].outcome == "STALE_SNAPSHOT"
    assert other.phase == "CUTOVER_LAUNCHED"
    with pytest.raises(StepFailed):
        driver.step("cutover_verify", "app")
    driver.cutover("app")
    assert counts(driver, "START_CUTOVER") == [2, 1]
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    assert {len(ids) for ids in driver.instances("app").values()} == {1}


def test_a_stale_snapshot_does_not_fail_a_test(wave: Any, box: Any) -> None:
    driver = wave()
    driver.register()
    box.client.add_fault("staleSnapshot", times=1, serverIds=driver.servers("app"))
    driver.step("test_launch", "app")
    assert driver.phases("app") == {"TEST_LAUNCHED"}


def test_a_job_log_that_cannot_be_read_is_no_success(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    hook = driver.services.mgn
    blind = replace(driver, services=replace(driver.services, mgn=MgnProxy(hook, job_log=lambda job_id: [])))
    with pytest.raises(Unknown, match="no verdict"):
        blind.step("cutover", "app")
    assert driver.phases("app") == {"CUTTING_OVER"}
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


def test_a_job_that_does_not_end_times_out_and_is_followed_after_clearing(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    box.client.set_speed(0)
    impatient = replace(driver, services=replace(driver.services, settings=replace(FAST, job_timeout_minutes=0.003)))
    with pytest.raises(StepTimedOut):
        impatient.step("cutover", "app")
    with pytest.raises(GoalMissed):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    box.client.set_speed(20_000)
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}


def test_a_second_run_does_not_take_the_first_ones_job_for_its_own(wave: Any, box: Any) -> None:
    """The first run's cutover timed out, a person undid it by hand, and a new run starts over."""
    driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
    driver.ready()
    box.client.set_speed(0)
    impatient = replace(driver, services=replace(driver.services, settings=replace(FAST, job_timeout_minutes=0.003)))
    with pytest.raises(StepTimedOut):
        impatient.step("cutover", "app")
    with pytest.raises(GoalMissed):
        driver.step("close", "app")
    box.client.set_speed(20_000)
    box.client.advance(3600)
    [server] = driver.servers("app")
    mgn = driver.services.mgn
    mgn.change_lifecycle(server, "READY_FOR_CUTOVER")
    mgn.terminate_instances([server], {})
    box.client.advance(3600)
    second = replace(
        driver, services=replace(driver.services, holder=replace(driver.services.holder, run_id="second")), results={}
    )
    second.start()
    second.test("app")
    second.step("go_no_go")
    second.cutover("app")
    assert second.phases("app") == {"CUTOVER_VERIFIED"}
    first_job, second_job = jobs_of(box, "START_CUTOVER", server)
    assert {r.intents["START_CUTOVER"].job_id for r in driver.records("app")} == {second_job.job_id}
    assert first_job.job_id != second_job.job_id
