"""Rollback from every state before finalize, twice, with bad weather; refused after finalize."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError
from migration_ops.core.errors import FrozenError, StepFailedError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Holder, LockHeldError
from migration_ops.wave.rules.refusals import PastNoReturnError
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import (
    FAST,
    HOLD,
    Driver,
    MgnProxy,
    kill_after,
    kill_before,
    killed,
)

FROM_TEST, FROM_CUTOVER = "READY_FOR_TEST", "READY_FOR_CUTOVER"


def planned(driver: Driver) -> None:
    """Nothing was launched."""


def in_test_job(driver: Driver) -> None:
    driver.box.client.set_speed(0)
    driver.advance("test_launch", "app")
    assert driver.states("app") == {"TESTING"}


def with_test_instances(driver: Driver) -> None:
    driver.step("test_launch", "app")


def after_the_test(driver: Driver) -> None:
    driver.step("test_launch", "app")
    driver.step("test_verify", "app")


def half_marked_ready(driver: Driver) -> None:
    after_the_test(driver)
    with killed():
        kill_after(driver, "change_lifecycle").step("mark_ready", "app")


def while_test_instances_go(driver: Driver) -> None:
    after_the_test(driver)
    driver.box.client.set_speed(0)
    driver.advance("mark_ready", "app")


def ready(driver: Driver) -> None:
    driver.step("test_launch", "app")
    assert driver.phases("app") == {"READY"}


def ready_after_the_test(driver: Driver) -> None:
    driver.test("app")


def cutover_job_running(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    driver.box.client.set_speed(0)
    driver.advance("cutover", "app")
    assert driver.states("app") == {"CUTTING_OVER"}


def cutover_launched(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    driver.step("cutover", "app")


def verified(driver: Driver) -> None:
    cutover_launched(driver)
    driver.step("cutover_verify", "app")


def half_launched(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("app")[:1])
    with pytest.raises(StepFailedError):
        driver.step("cutover", "app")


def half_launched_back(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("app")[:1], state="back")
    with pytest.raises(StepFailedError):
        driver.step("cutover", "app")


def lost_before_the_send(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    with killed():
        kill_before(driver, "start_cutover").step("cutover", "app")


def lost_after_the_send(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    driver.box.client.set_speed(0)
    with killed():
        kill_after(driver, "start_cutover").step("cutover", "app")


def stale(driver: Driver) -> None:
    ready(driver)
    driver.pass_go_no_go()
    driver.box.client.add_fault("staleSnapshot", times=1, serverIds=driver.servers("app")[:1])
    with pytest.raises(StepFailedError):
        driver.step("cutover", "app")


def held(driver: Driver) -> None:
    cutover_launched(driver)
    with pytest.raises(StepSkipped):
        driver.roll_back("app", HOLD)


def closed(driver: Driver) -> None:
    cutover_launched(driver)
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")


MOMENTS: list[tuple[Callable[[Driver], None], str, str]] = [
    (planned, FROM_TEST, "READY_FOR_TEST"),
    (in_test_job, FROM_TEST, "READY_FOR_TEST"),
    (with_test_instances, FROM_TEST, "READY_FOR_TEST"),
    (after_the_test, FROM_TEST, "READY_FOR_TEST"),
    (half_marked_ready, FROM_TEST, "READY_FOR_CUTOVER READY_FOR_TEST"),
    (while_test_instances_go, FROM_TEST, "READY_FOR_CUTOVER"),
    (ready_after_the_test, FROM_TEST, "READY_FOR_CUTOVER"),
    (ready, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (cutover_job_running, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (cutover_launched, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (verified, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (half_launched, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (half_launched_back, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (lost_before_the_send, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (lost_after_the_send, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (stale, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (held, FROM_CUTOVER, "READY_FOR_CUTOVER"),
    (closed, FROM_CUTOVER, "READY_FOR_CUTOVER"),
]


# One server of two is in another state than its sibling.
HALF = (half_marked_ready, half_launched, half_launched_back, stale)


def at(wave: Any, moment: Callable[[Driver], None], state: str, servers: int = 2, **conf: Any) -> Driver:
    driver = wave({"appName": "app", "servers": servers, "state": state}, **conf)
    driver.register()
    moment(driver)
    return driver


def goes_on(driver: Driver) -> None:
    driver.box.client.set_speed(20_000)


@pytest.mark.parametrize(("moment", "state", "expected"), MOMENTS, ids=[one[0].__name__ for one in MOMENTS])
def test_from_every_state(wave: Any, moment: Callable[[Driver], None], state: str, expected: str) -> None:
    driver = at(wave, moment, state, servers=2 if moment in HALF else 1)
    first = driver.advance("rollback", "app", decision={"decision": "rollback", "reason": "a test"})
    if moment in (in_test_job, while_test_instances_go, cutover_job_running):
        assert "must end before the rollback" in first.why
    goes_on(driver)
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert " ".join(sorted(driver.states("app"))) == expected
    assert driver.instances("app") == {}
    for record in driver.records("app"):
        assert record.instance_id is None
        assert all(intent.outcome for intent in record.intents.values())
    assert max(driver.jobs("TERMINATE", "app").values()) <= 1
    assert max(driver.jobs("START_CUTOVER", "app").values()) <= 1


def test_a_second_time_looks_and_changes_nothing(wave: Any, box: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER)
    driver.roll_back("app")
    before = driver.records("app")
    box.client.reset_calls()
    assert driver.roll_back("app")["passed"] == "rolled back before"
    assert {one["operation"] for one in box.client.calls()} == {
        "BatchGetItem",
        "DescribeSourceServers",
        "DescribeInstances",
    }
    assert driver.records("app") == before


def test_and_the_application_can_be_cut_over_again(wave: Any) -> None:
    driver = at(wave, verified, FROM_CUTOVER, servers=1)
    driver.roll_back("app")
    driver.step("go_no_go")
    driver.cutover("app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    driver.assert_jobs("START_CUTOVER", "app", 2)


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("ChangeServerLifeCycleState", "dropAfter"),
        ("ChangeServerLifeCycleState", "dropBefore"),
        ("ChangeServerLifeCycleState", "throttle"),
        ("TerminateTargetInstances", "dropAfter"),
        ("TerminateTargetInstances", "dropBefore"),
    ],
)
def test_lost_answers_within_the_rollback(wave: Any, box: Any, operation: str, kind: str) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    box.client.add_fault(kind, service="mgn", operation=operation, times=1)
    driver.retried("rollback", "app", decision={"decision": "rollback"})
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.instances("app") == {}
    driver.assert_jobs("TERMINATE", "app", 1)


@pytest.mark.parametrize("method", ["change_lifecycle", "terminate_instances"])
@pytest.mark.parametrize("kill", [kill_before, kill_after])
def test_killed_within_the_rollback(wave: Any, method: str, kill: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    with killed():
        kill(driver, method).roll_back("app")
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.instances("app") == {}
    driver.assert_jobs("TERMINATE", "app", 1)


def test_a_job_that_ends_while_we_look_leaves_no_instance(wave: Any, box: Any) -> None:
    """Between the first look at the servers and the look at the jobs the cutover launches its instance."""
    driver = at(wave, cutover_job_running, FROM_CUTOVER, servers=1)
    hook = driver.services.mgn

    def active_jobs() -> Any:
        goes_on(driver)
        box.client.advance(3600)
        return hook.active_jobs()

    racing = replace(driver, services=replace(driver.services, mgn=MgnProxy(hook, active_jobs=active_jobs)))
    racing.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.instances("app") == {}


def test_refused_terminate_freezes_with_the_reason(wave: Any, box: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    box.client.add_fault("accessDenied", service="mgn", operation="TerminateTargetInstances", times=1)
    with pytest.raises(FrozenError, match="not authorized"):
        driver.roll_back("app")
    [record] = driver.records("app")
    assert (record.phase, record.error_code) == ("FROZEN", AccessDeniedError.code)
    assert "not authorized" in str(record.error_message)
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.instances("app") == {}


def protect(driver: Driver) -> str:
    [[instance]] = driver.instances("app").values()
    driver.box.boto("ec2").modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": True})
    return instance


def unprotect(driver: Driver, instance: str) -> None:
    driver.box.boto("ec2").modify_instance_attribute(InstanceId=instance, DisableApiTermination={"Value": False})


def test_a_protected_instance_freezes_and_the_next_attempt_terminates_it(wave: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    instance = protect(driver)
    with pytest.raises(FrozenError, match="termination protection"):
        driver.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}
    unprotect(driver, instance)
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.instances("app") == {}
    driver.assert_jobs("TERMINATE", "app", 2)


def test_a_protected_test_instance_fails_mark_ready_and_the_next_attempt_is_good(wave: Any) -> None:
    driver = at(wave, after_the_test, FROM_TEST, servers=1)
    instance = protect(driver)
    with pytest.raises(StepFailedError, match="termination protection"):
        driver.step("mark_ready", "app")
    unprotect(driver, instance)
    driver.step("mark_ready", "app")
    assert driver.phases("app") == {"READY"}
    assert driver.instances("app") == {}


def test_an_instance_that_mgn_no_longer_names_is_no_clean_end(wave: Any) -> None:
    """The cutover could not remove the protected test instance: MGN names the new one only."""
    driver = wave({"appName": "app", "servers": 1, "state": FROM_CUTOVER})
    driver.register()
    [server] = driver.servers("app")
    driver.services.mgn.change_lifecycle(server, "READY_FOR_TEST")
    driver.services.mgn.start_test([server], {})
    driver.box.client.advance(3600)
    instance = protect(driver)
    driver.services.mgn.change_lifecycle(server, "READY_FOR_CUTOVER")
    with pytest.raises(StepFailedError, match="CLEANUP_FAIL"):
        cutover_launched(driver)
    assert len(driver.instances("app")[server]) == 2
    with pytest.raises(FrozenError, match=instance):
        driver.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}
    assert driver.instances("app") == {server: [instance]}


def test_an_instance_that_does_not_go_away_in_time_freezes(wave: Any, box: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    box.client.set_speed(0)
    impatient = replace(driver, services=replace(driver.services, settings=replace(FAST, job_timeout_minutes=0.003)))
    with pytest.raises(FrozenError):
        impatient.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}


@pytest.mark.parametrize("state", [None, "SOMETHING_NEW"])
@pytest.mark.parametrize("after_reads", [0, 1, 2])
def test_a_state_that_mgn_does_not_give_is_no_way_back_and_no_end(
    wave: Any, state: str | None, after_reads: int
) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    real, reads = driver.services.mgn, count()

    def read(ids: list[str]) -> Any:
        views = real.describe_servers(ids)
        if next(reads) < after_reads:
            return views
        return {server: replace(view, lifecycle_state=state) for server, view in views.items()}

    blind = replace(driver, services=replace(driver.services, mgn=MgnProxy(real, describe_servers=read)))
    with pytest.raises(FrozenError, match="does not say in which lifecycle state"):
        blind.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}
    assert {record.error_code for record in driver.records("app")} == {"UNKNOWN"}
    driver.roll_back("app")
    assert (driver.phases("app"), driver.instances("app")) == ({"ROLLED_BACK"}, {})


@pytest.mark.parametrize("read", ["DescribeSourceServers", "DescribeJobs"])
def test_what_cannot_be_read_is_not_rolled_back(wave: Any, box: Any, read: str) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    box.client.add_fault("accessDenied", service="mgn", operation=read)
    with pytest.raises(FrozenError):
        driver.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}
    driver.assert_jobs("TERMINATE", "app", 0)


def test_ec2_that_cannot_be_read_freezes(wave: Any, box: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    box.client.add_fault("accessDenied", service="ec2", operation="DescribeInstances")
    with pytest.raises(FrozenError):
        driver.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}


def finalized(driver: Driver) -> None:
    verified(driver)
    driver.step("soak")
    driver.step("finalize", "app")


def test_after_finalize_it_is_refused_and_stays_finalized(wave: Any) -> None:
    driver = at(wave, finalized, FROM_CUTOVER)
    before = driver.records("app")
    with pytest.raises(PastNoReturnError, match="is finalized, there is no way back") as caught:
        driver.roll_back("app")
    assert "no way back after finalize" in PastNoReturnError.hint
    assert caught.value.code == "PAST_NO_RETURN"
    assert driver.records("app") == before
    assert driver.phases("app") == {"FINALIZED"}
    assert driver.states("app") == {"CUTOVER"}
    assert len(driver.instances("app")) == 2


def test_finalized_behind_our_back_becomes_frozen(wave: Any) -> None:
    """MGN says CUTOVER, the ledger does not: a person looks."""
    driver = at(wave, verified, FROM_CUTOVER)
    first, second = driver.servers("app")
    driver.services.mgn.finalize_cutover(first)
    with pytest.raises(FrozenError, match="no way back after finalize"):
        driver.roll_back("app")
    assert [record.phase for record in driver.records("app")] == ["FROZEN", "CUTOVER_VERIFIED"]
    assert driver.records("app")[0].error_code == "NO_WAY_BACK"
    assert driver.state(second) == "CUTTING_OVER"
    driver.assert_jobs("TERMINATE", "app", 0)


@pytest.mark.parametrize("state", ["DISCONNECTED", "STOPPED"])
def test_no_way_back_from_a_state_that_is_not_finalized_says_so(wave: Any, box: Any, state: str) -> None:
    driver = at(wave, planned, FROM_TEST, servers=1)
    box.client.patch_server(driver.servers("app")[0], lifecycleState=state)
    with pytest.raises(FrozenError, match="no way back from these states"):
        driver.roll_back("app")
    assert driver.phases("app") == {"FROZEN"}


def test_another_runs_lock_keeps_it_out_and_nothing_is_frozen(wave: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    other = replace(driver, services=replace(driver.services, holder=Holder("migration_rollback", "other", "x")))
    with pytest.raises(LockHeldError):
        other.roll_back("app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}
    assert driver.states("app") == {"CUTTING_OVER"}


def test_a_begun_rollback_does_not_touch_what_another_run_holds(wave: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    with killed():
        kill_before(driver, "change_lifecycle").roll_back("app")
    driver.services.ledger.take_over(
        driver.servers("app"), driver.services.holder, Holder("migration_wave", "next", "x")
    )
    with pytest.raises(LockHeldError):
        driver.roll_back("app")
    assert driver.states("app") == {"CUTTING_OVER"}


def test_what_is_rolled_back_already_may_be_another_runs(wave: Any) -> None:
    """Its next wave has begun; the server that is still to go back is this run's."""
    driver = at(wave, cutover_launched, FROM_CUTOVER)
    first, second = driver.records("app")
    ledger, holder = driver.services.ledger, driver.services.holder
    for phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        [first] = ledger.write([first], [first.to(phase)], "test")
    ledger.take_over([first.source_server_id], holder, Holder("migration_wave", "next", "x"))
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert driver.jobs("TERMINATE") == {first.source_server_id: 0, second.source_server_id: 1}


def test_without_a_decision_nothing_is_done(wave: Any) -> None:
    driver = at(wave, cutover_launched, FROM_CUTOVER, servers=1)
    before = driver.records("app")
    for decision in ({}, {"decision": "ask"}, {"decision": None, "reason": "x"}):
        with pytest.raises(StepSkipped):
            driver.step("rollback", "app", decision=decision)
    assert driver.records("app") == before
    assert driver.states("app") == {"CUTTING_OVER"}


def test_hold_after_a_rollback_leaves_it_rolled_back(wave: Any) -> None:
    driver = at(wave, planned, FROM_TEST, servers=1)
    driver.roll_back("app")
    with pytest.raises(StepSkipped):
        driver.roll_back("app", HOLD)
    assert driver.phases("app") == {"ROLLED_BACK"}


def test_a_rollback_that_died_half_way_closes_frozen(wave: Any) -> None:
    driver = at(wave, planned, FROM_TEST, servers=1)
    with killed():
        kill_before(driver, "active_jobs").roll_back("app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    assert not driver.services.ledger.locks(driver.servers("app"))
