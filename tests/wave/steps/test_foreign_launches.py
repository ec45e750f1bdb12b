"""A person launched the servers beside the wave: nothing replaces, takes over or ends that unasked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.errors import FrozenError, StepFailedError
from migration_ops.core.verdict import Verdict
from migration_ops.wave.launching.external_launches import find_external_launches
from migration_ops.wave.preflight import preflight
from migration_ops.wave.steps.rollback_request import rollback_sheet
from tests.wave.steps.wave_driver import Driver, MgnProxy, kill_after, killed

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}
DECIDED = {"decision": "rollback", "reason": "a test"}


def launch_by_hand(driver: Driver, kind: str = "test") -> dict[str, list[str]]:
    """As in MGN's console; answers the instances that a person may be using now."""
    client = driver.box.boto("mgn")
    start = client.start_test if kind == "test" else client.start_cutover
    start(sourceServerIDs=driver.servers("app"))
    driver.box.clock.advance(86_400)
    driver.box.run_due()
    found = driver.instances("app")
    assert set(found) == set(driver.servers("app"))
    return found


def lifecycle_of(driver: Driver) -> dict[str, Verdict]:
    checks = preflight(driver.services, driver.plan)
    return {check.subject: check.verdict for check in checks if check.name == "lifecycle"}


def test_preflight_lets_no_wave_replace_somebodys_test(wave: Any) -> None:
    driver = wave()
    launch_by_hand(driver)
    assert set(lifecycle_of(driver).values()) == {Verdict.BLOCKED}


def test_a_test_without_an_instance_is_in_nobodys_way(wave: Any, box: Any) -> None:
    driver = wave()
    box.client.add_fault("launchFailure", times=1)
    box.boto("mgn").start_test(sourceServerIDs=driver.servers("app"))
    box.clock.advance(86_400)
    box.run_due()
    assert driver.states("app") == {"TESTING"}
    assert set(lifecycle_of(driver).values()) == {Verdict.OK}


def test_a_test_of_a_run_before_is_gone_on_with(wave: Any) -> None:
    driver = wave()
    driver.register()
    driver.step("test_launch", "app")
    assert driver.states("app") == {"TESTING"}
    assert set(lifecycle_of(driver).values()) == {Verdict.OK}


def test_preflight_names_somebodys_cutover_of_a_server_that_we_cut_over(wave: Any) -> None:
    driver = wave(READY)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    driver.step("cutover", "app")
    assert set(lifecycle_of(driver).values()) == {Verdict.OK}
    [server] = driver.servers("app")
    mgn = driver.box.boto("mgn")
    mgn.change_server_life_cycle_state(sourceServerID=server, lifeCycle={"state": "READY_FOR_CUTOVER"})
    launch_by_hand(driver, "cutover")
    job_id = driver.services.mgn.describe_servers([server])[server].last_cutover_job_id
    [found] = [one for one in preflight(driver.services, driver.plan) if one.name == "lifecycle"]
    assert (found.subject, found.verdict) == (server, Verdict.BLOCKED)
    assert job_id in found.reason


def test_preflight_lets_no_wave_end_a_test_that_a_person_repeated(wave: Any) -> None:
    driver = wave()
    driver.register()
    driver.step("test_launch", "app")
    launch_by_hand(driver)
    assert set(lifecycle_of(driver).values()) == {Verdict.BLOCKED}


def test_preflight_goes_on_with_a_cutover_of_ours_of_which_no_answer_came(wave: Any) -> None:
    driver = wave(READY)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    with killed():
        kill_after(driver, "start_cutover").step("cutover", "app")
    assert driver.states("app") == {"CUTTING_OVER"}
    assert set(lifecycle_of(driver).values()) == {Verdict.OK}
    mgn = driver.services.mgn
    tagless = MgnProxy(
        mgn,
        describe_jobs=lambda ids: {key: replace(one, tags={}) for key, one in mgn.describe_jobs(ids).items()},
        jobs_since=lambda since: [replace(one, tags={}) for one in mgn.jobs_since(since)],
    )
    silent = replace(driver, services=replace(driver.services, mgn=tagless))
    assert set(lifecycle_of(silent).values()) == {Verdict.OK}


def test_preflight_reads_the_jobs_once_for_all_launches_of_which_no_answer_came(wave: Any) -> None:
    names = ("one", "two", "three")
    driver = wave(*(READY | {"appName": name} for name in names))
    driver.register()
    for name in names:
        driver.step("test_launch", name)
    driver.pass_go_no_go()
    for name in names:
        with killed():
            kill_after(driver, "start_cutover").step("cutover", name)
    mgn, asked = driver.services.mgn, list[Any]()

    def jobs_since(since: Any) -> list[Any]:
        asked.append(since)
        return [replace(one, tags={}) for one in mgn.jobs_since(since)]

    tagless = MgnProxy(
        mgn,
        describe_jobs=lambda ids: {key: replace(one, tags={}) for key, one in mgn.describe_jobs(ids).items()},
        jobs_since=jobs_since,
    )
    silent = replace(driver, services=replace(driver.services, mgn=tagless))
    assert list(lifecycle_of(silent).values()) == [Verdict.OK] * 3
    assert len(asked) == 1


def test_a_test_that_began_after_preflight_is_not_replaced(wave: Any) -> None:
    driver = wave()
    driver.register()
    before = launch_by_hand(driver)
    with pytest.raises(StepFailedError, match="somebody else"):
        driver.step("test_launch", "app")
    assert driver.instances("app") == before
    driver.assert_jobs("START_TEST", "app")


def test_a_test_that_a_person_repeated_is_not_ended(wave: Any) -> None:
    driver = wave()
    driver.register()
    driver.step("test_launch", "app")
    driver.step("test_verify", "app")
    before = launch_by_hand(driver)
    with pytest.raises(StepFailedError, match="somebody else"):
        driver.step("mark_ready", "app")
    assert driver.instances("app") == before
    assert driver.states("app") == {"TESTING"}


def by_cutover(driver: Driver) -> dict[str, list[str]]:
    driver.step("test_launch", "app")
    before = launch_by_hand(driver, "cutover")
    driver.pass_go_no_go()
    with pytest.raises(StepFailedError, match="somebody else"):
        driver.step("cutover", "app")
    return before


def by_test(driver: Driver) -> dict[str, list[str]]:
    before = launch_by_hand(driver)
    with pytest.raises(StepFailedError, match="somebody else"):
        driver.step("test_launch", "app")
    return before


CASES = [
    pytest.param(by_cutover, READY, id="cutover"),
    pytest.param(by_test, READY | {"state": "READY_FOR_TEST"}, id="test"),
]


@pytest.mark.parametrize(("failed", "app"), CASES)
def test_a_rollback_after_the_failure_leaves_it_alone(
    wave: Any, failed: Callable[[Driver], dict[str, list[str]]], app: dict[str, Any]
) -> None:
    driver = wave(app)
    driver.register()
    before, states = failed(driver), driver.states("app")
    with pytest.raises(FrozenError, match="somebody else"):
        driver.roll_back("app", DECIDED)
    assert driver.instances("app") == before
    assert driver.states("app") == states
    assert driver.phases("app") == {"FROZEN"}
    assert {record.error_code for record in driver.records("app")} == {"NOT_OURS"}


@pytest.mark.parametrize(("failed", "app"), CASES)
def test_a_rollback_undoes_it_when_the_sheet_showed_it(
    wave: Any, failed: Callable[[Driver], dict[str, list[str]]], app: dict[str, Any]
) -> None:
    driver = wave(app)
    driver.register()
    failed(driver)
    text, foreign = rollback_sheet(driver.services, driver.plan, driver.records("app"), "wrong launch")
    assert "Not launched by this migration" in text
    assert list(foreign) == driver.servers("app")
    assert all(job in text for job in foreign.values())
    driver.roll_back("app", DECIDED | {"foreignJobs": sorted(foreign.values())})
    assert driver.instances("app") == {}
    assert driver.phases("app") == {"ROLLED_BACK"}


def test_a_launch_of_which_nobody_names_the_job_is_foreign(wave: Any) -> None:
    driver = wave()
    launch_by_hand(driver)
    [server] = driver.servers("app")
    views = driver.services.mgn.describe_servers([server])
    nameless = {server: replace(views[server], last_test_job_id=None)}
    assert find_external_launches(driver.services, {}, nameless) == {server: "unknown"}


def test_a_launch_that_took_effect_late_is_ours_by_its_tag(wave: Any) -> None:
    driver = wave(READY)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    with killed():
        kill_after(driver, "start_cutover").step("cutover", "app")
    records = {record.source_server_id: record for record in driver.records("app")}
    views = driver.services.mgn.describe_servers(list(records))
    assert all(view.lifecycle_state == "CUTTING_OVER" for view in views.values())
    assert find_external_launches(driver.services, records, views) == {}
    tagless = MgnProxy(driver.services.mgn, describe_jobs=lambda ids: {})
    assert set(find_external_launches(replace(driver.services, mgn=tagless), records, views)) == set(records)


def test_a_cutover_by_hand_is_not_waited_for_before_the_test(wave: Any) -> None:
    driver = wave(READY)
    driver.register()
    launch_by_hand(driver, "cutover")
    with pytest.raises(StepFailedError, match="CUTTING_OVER") as failure:
        driver.step("replication_ready", "app")
    assert failure.value.code == "STEP_FAILED"
