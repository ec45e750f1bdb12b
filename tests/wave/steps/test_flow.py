"""Dependencies, ways around parts of a wave, finalize, soak, and how an application's work is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError
from migration_ops.core.errors import MigrationError, OutcomeUnknownError, StepFailedError, ThrottledError
from migration_ops.core.states import Phase
from migration_ops.wave.conf.model import parse_conf
from migration_ops.wave.plan.make import make_plan as plan_of_conf
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from migration_ops.wave.waits.outcome import Topic
from tests.wave.steps.wave_driver import Driver, kill_before, killed

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}
DB = READY | {"appName": "db"}
WEB = READY | {"appName": "web", "dependsOn": ["db"]}


@pytest.fixture
def ready(wave: Any) -> Any:
    def make(*applications: dict[str, Any], **conf: Any) -> Driver:
        driver = wave(*(applications or (READY,)), **conf)
        driver.register()
        for one in driver.plan.applications:
            driver.step("test_launch", one.app_name)
        driver.pass_go_no_go()
        return driver

    return make


@pytest.fixture
def verified(ready: Any) -> Any:
    def make(*applications: dict[str, Any], **conf: Any) -> Driver:
        driver = ready(*applications, **conf)
        for one in driver.plan.applications:
            driver.step("cutover", one.app_name)
            driver.step("cutover_verify", one.app_name)
        return driver

    return make


# Dependencies


def test_a_dependant_waits_until_it_is_verified(ready: Any) -> None:
    driver = ready(DB, WEB)
    wait = driver.advance("wait_for_dependencies", "web")
    assert wait.topic is Topic.LEDGER
    driver.step("cutover", "db")
    assert driver.advance("wait_for_dependencies", "web").topic is Topic.LEDGER
    driver.step("cutover_verify", "db")
    driver.step("wait_for_dependencies", "web")
    assert driver.step("wait_for_dependencies", "db")["passed"] == "depends on nothing"


@pytest.mark.parametrize("end", ["rolled back", "closed", "held"])
def test_a_dependant_fails_with_what_it_depends_on(ready: Any, box: Any, end: str) -> None:
    driver = ready(DB, WEB)
    wait = driver.advance("wait_for_dependencies", "web")
    box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("db"))
    with pytest.raises(StepFailedError):
        driver.step("cutover", "db")
    if end == "rolled back":
        driver.roll_back("db")
    elif end == "closed":
        with pytest.raises(GoalMissedError):
            driver.step("close", "db")
    else:
        with pytest.raises(StepSkipped):
            driver.roll_back("db", {"decision": "hold"})
    with pytest.raises(StepFailedError, match=r"ROLLED_BACK|FROZEN|FAILED"):
        driver.advance("wait_for_dependencies", "web", driver.wait(wait))
    driver.assert_jobs("START_CUTOVER", "web", 0)
    if end == "rolled back":
        driver.pass_go_no_go()  # a rollback ends what was approved before it
    driver.cutover("db")
    driver.cutover("web")  # cleared after the dependency was fixed
    assert driver.phases("web") == {"CUTOVER_VERIFIED"}


def test_left_out_of_the_sheet_is_not_concerned(ready: Any) -> None:
    driver = ready()
    sheet = {"ready": [], "excluded": {"app": "its test failed"}, "digest": "x"}
    with pytest.raises(StepSkipped, match="its test failed"):
        driver.step("wait_for_dependencies", "app", sheet=sheet)
    with pytest.raises(StepSkipped, match="not on the go/no-go sheet"):
        driver.step("wait_for_dependencies", "app", sheet=None)


def test_the_sheet_leaves_out_the_failed_and_what_needs_it(wave: Any, box: Any) -> None:
    driver = wave(DB | {"state": "READY_FOR_TEST"}, WEB, READY)
    driver.register()
    box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("db"))
    with pytest.raises(StepFailedError):
        driver.test("db")
    driver.test("web")
    driver.test("app")
    sheet = driver.step("go_no_go")
    assert sheet["ready"] == ["app"]
    assert "launch status is FAILED" in sheet["excluded"]["db"]
    assert "needs db" in sheet["excluded"]["web"]


def test_no_application_ready_fails_the_sheet(wave: Any) -> None:
    driver = wave()
    driver.register()
    with pytest.raises(StepFailedError, match="no application is ready"):
        driver.step("go_no_go")


def test_the_sheet_is_shut_by_lag(ready: Any, box: Any) -> None:
    driver = ready(DB, READY)
    box.client.patch_server(driver.servers("db")[0], lagSeconds=601)
    sheet = driver.step("go_no_go")
    assert sheet["ready"] == ["app"]
    assert "lag" in sheet["excluded"]["db"]


# Ways around parts of a wave


def test_without_a_test_launch(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": 2}, testLaunch=False)
    driver.whole()
    assert driver.phases("app") == {"FINALIZED"}
    driver.assert_jobs("START_TEST", "app", 0)
    driver.assert_jobs("START_CUTOVER", "app", 1)


def test_ready_for_cutover_before_the_wave_is_taken_as_tested(wave: Any) -> None:
    driver = wave(READY)
    driver.whole()
    driver.assert_jobs("START_TEST", "app", 0)
    driver.assert_jobs("START_CUTOVER", "app", 1)
    assert driver.phases("app") == {"FINALIZED"}


def test_mixed_states_of_one_application(wave: Any) -> None:
    driver = wave({"appName": "app", "servers": [{}, {"state": "READY_FOR_CUTOVER"}, {"state": "TESTING"}]})
    driver.register()
    driver.test("app")
    assert list(driver.jobs("START_TEST").values()) == [1, 0, 1]
    assert driver.phases("app") == {"READY"}
    assert driver.instances("app") == {}


def test_a_wave_of_mgn(wave: Any, box: Any) -> None:
    applications = [DB | {"appName": "mgn-db"}, {"appName": "mgn-shop", "servers": 2}]
    listed = box.client.add_estate({"wave": "from-mgn", "applications": applications})
    conf = parse_conf(
        {"wave": "mine", "mgnWaveId": listed["mgnWaveId"], "dryRun": False, "cmdb": {"enabled": False}},
        now=datetime.now(UTC),
    )
    driver = wave()
    plan = plan_of_conf(driver.services, conf)
    assert sorted(plan.server_ids) == sorted(listed["serverIds"])
    assert {one.app_name: len(one.servers) for one in plan.applications} == {"mgn-db": 1, "mgn-shop": 2}
    replace(driver, plan=plan).start()


def test_finalize_false_ends_with_the_verified_cutover(verified: Any) -> None:
    driver = verified(finalize=False)
    driver.step("soak")
    with pytest.raises(StepSkipped, match="finalize: false"):
        driver.step("finalize", "app")
    driver.step("update_cmdb", "app")
    driver.step("close", "app")
    assert driver.phases("app") == {"CUTOVER_VERIFIED"}
    assert driver.states("app") == {"CUTTING_OVER"}
    assert not driver.services.ledger.locks(driver.servers("app"))


# Soak and the second sheet


def test_soak_waits_from_the_last_verified_cutover(verified: Any) -> None:
    driver = verified(soakMinutes=0.02)
    begun = driver.services.epoch()
    sheet = driver.step("soak")
    assert driver.waits[-1].topic is Topic.CLOCK
    assert 0 < driver.services.epoch() - begun < 1.5
    assert sheet["ready"] == ["app"]


def test_the_second_sheet_shows_the_lag_that_the_cutover_was_launched_with(verified: Any) -> None:
    driver = verified()
    markdown = driver.step("soak")["markdown"]
    head, row = (
        [cell.strip() for cell in line.split("|")]
        for line in markdown.splitlines()
        if line.startswith(("| Application", "| `app`"))
    )
    told = dict(zip(head, row, strict=True))
    lag = max(record.replication_lag_seconds for record in driver.records("app"))
    assert told["Worst lag at cutover"] == f"{lag:.0f} s"
    assert "Gates" not in told
    assert "unknown" not in markdown


def test_soak_without_a_verified_application_is_not_concerned(ready: Any) -> None:
    with pytest.raises(StepSkipped):
        ready().step("soak")


def test_an_instance_that_broke_during_the_soak_is_left_out_and_never_finalized(verified: Any, box: Any) -> None:
    driver = verified(DB, READY)
    box.client.patch_server(driver.servers("db")[0], bootFailure=True)
    sheet = driver.step("soak")
    assert sheet["ready"] == ["app"]
    assert "impaired" in sheet["excluded"]["db"]
    with pytest.raises(StepSkipped, match="left out"):
        driver.step("finalize", "db")
    driver.step("finalize", "app")
    assert driver.states("db") == {"CUTTING_OVER"}
    assert driver.states("app") == {"CUTOVER"}


def test_an_instance_that_broke_after_the_approval_is_not_finalized(verified: Any, box: Any) -> None:
    driver = verified()
    driver.step("soak")
    box.client.patch_server(driver.servers("app")[0], bootFailure=True)
    with pytest.raises(StepFailedError, match="not well any more"):
        driver.step("finalize", "app")
    assert driver.states("app") == {"CUTTING_OVER"}
    box.client.patch_server(driver.servers("app")[0], bootFailure=False)
    driver.finish("app")
    assert driver.phases("app") == {"FINALIZED"}


def test_an_instance_that_was_terminated_after_the_approval_is_not_finalized(verified: Any, box: Any) -> None:
    driver = verified()
    driver.step("soak")
    [[instance]] = driver.instances("app").values()
    box.boto("ec2").terminate_instances(InstanceIds=[instance])
    with pytest.raises(StepFailedError, match="nothing was finalized"):
        driver.step("finalize", "app")
    assert driver.states("app") == {"CUTTING_OVER"}


# Finalize


def test_only_a_verified_application_is_finalized(ready: Any) -> None:
    driver = ready()
    driver.results["soak"] = driver.results["go_no_go"]
    for name in ("cutover", "finalize"):
        if name == "cutover":
            with pytest.raises(StepSkipped, match="not cut over and verified"):
                driver.step("finalize", "app")
        driver.step("cutover", "app")
    with pytest.raises(StepSkipped):
        driver.step("finalize", "app")
    assert driver.states("app") == {"CUTTING_OVER"}


def test_half_an_application_is_not_finalized(ready: Any) -> None:
    driver = ready(READY | {"servers": 2})
    driver.step("cutover", "app")
    driver.step("cutover_verify", "app")
    driver.results["soak"] = driver.results["go_no_go"]
    [record, _] = driver.records("app")
    driver.services.ledger.write([record], [record.to(Phase.FROZEN)], "by hand", holder=driver.services.holder)
    with pytest.raises(StepFailedError, match="only a part"):
        driver.step("finalize", "app")
    assert driver.states("app") == {"CUTTING_OVER"}


@pytest.mark.parametrize(
    ("kind", "times", "retryable"),
    # Throttled is a definite no: the call is sent again within the task, four times in all.
    [("dropAfter", 1, False), ("dropBefore", 1, True), ("throttle", 3, False), ("throttle", 4, True)],
)
def test_finalize_with_a_lost_answer(verified: Any, box: Any, kind: str, times: int, retryable: bool) -> None:
    driver = verified(READY | {"servers": 2})
    driver.step("soak")
    box.client.add_fault(kind, service="mgn", operation="FinalizeCutover", times=times)
    if retryable:
        with pytest.raises((OutcomeUnknownError, ThrottledError)):
            driver.step("finalize", "app")
        assert sorted(r.phase for r in driver.records("app")) == ["FINALIZED", "FINALIZING"]
    driver.step("finalize", "app")
    assert driver.phases("app") == {"FINALIZED"}
    assert driver.states("app") == {"CUTOVER"}


def test_a_refused_finalize_leaves_the_others_final_and_goes_on_after_clearing(verified: Any, box: Any) -> None:
    driver = verified(READY | {"servers": 2})
    driver.step("soak")
    bad = driver.servers("app")[0]
    box.client.add_fault("accessDenied", service="mgn", operation="FinalizeCutover", serverIds=[bad], times=1)
    with pytest.raises(StepFailedError, match="not every server"):
        driver.step("finalize", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert sorted(r.phase for r in driver.records("app")) == ["FINALIZED", "FROZEN"]
    driver.step("finalize", "app")
    driver.step("close", "app")
    assert driver.phases("app") == {"FINALIZED"}


def test_killed_within_finalize(verified: Any) -> None:
    driver = verified(READY | {"servers": 2})
    driver.step("soak")
    with killed():
        kill_before(driver, "finalize_cutover").step("finalize", "app")
    assert driver.phases("app") == {"FINALIZING"}
    driver.finish("app")
    assert driver.phases("app") == {"FINALIZED"}
    assert driver.step("finalize", "app")["passed"] == "finalized before"


def test_somebody_elses_instance_is_not_finalized(verified: Any, box: Any) -> None:
    driver = verified()
    driver.step("soak")
    [server] = driver.servers("app")
    mgn = driver.services.mgn
    mgn.change_lifecycle(server, "READY_FOR_CUTOVER")
    mgn.start_cutover([server], {})
    box.client.advance(3600)
    with pytest.raises(StepFailedError, match="not what was verified"):
        driver.step("finalize", "app")
    assert driver.states("app") == {"CUTTING_OVER"}


# Close


def test_stopped_and_clean_is_failed(ready: Any) -> None:
    driver = ready()
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FAILED"}
    [record] = driver.records("app")
    assert (record.error_code, record.facts["stoppedIn"]) == ("NOT_REACHED", "READY")
    assert not driver.services.ledger.locks(driver.servers("app"))


def test_something_left_running_is_frozen_and_named(ready: Any) -> None:
    driver = ready()
    driver.step("cutover", "app")
    [[instance]] = driver.instances("app").values()
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    assert instance in str(driver.records("app")[0].error_message)
    assert not driver.services.ledger.locks(driver.servers("app"))


@pytest.mark.parametrize(
    ("service", "operation"), [("mgn", "DescribeSourceServers"), ("ec2", "DescribeInstanceStatus")]
)
def test_what_cannot_be_read_is_not_called_clean(ready: Any, box: Any, service: str, operation: str) -> None:
    driver = ready()
    driver.step("cutover", "app")
    box.client.add_fault("accessDenied", service=service, operation=operation)
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}


def test_a_launch_that_may_still_begin_is_not_clean(ready: Any) -> None:
    driver = ready()
    with killed():
        kill_before(driver, "start_cutover").step("cutover", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}


def test_a_server_that_mgn_no_longer_lists_is_not_clean(ready: Any, box: Any) -> None:
    driver = ready()
    with box.mgn.own.account.lock:
        del box.mgn.own.account.servers[driver.servers("app")[0]]
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}


def test_each_server_keeps_its_own_reason(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 2})
    driver.register()
    _, bad = driver.servers("app")
    box.client.add_fault("launchFailure", times=1, serverIds=[bad], message="no capacity for it")
    with pytest.raises(StepFailedError):
        driver.step("test_launch", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    first, second = (str(record.error_message) for record in driver.records("app"))
    assert "no capacity" not in first
    assert "no capacity" in second


def test_closing_twice_says_the_same(ready: Any) -> None:
    driver = ready()
    for _ in range(2):
        with pytest.raises(GoalMissedError):
            driver.step("close", "app")
    assert driver.phases("app") == {"FAILED"}


@pytest.mark.parametrize("step", ["test_verify", "mark_ready", "cutover", "cutover_verify"])
def test_a_step_that_comes_too_early_does_not_pass(wave: Any, step: str) -> None:
    """Cleared by itself before what comes before it was done: it must not look green."""
    driver = wave()
    driver.register()
    driver.pass_go_no_go()
    with pytest.raises(MigrationError):
        driver.step(step, "app")
    driver.assert_jobs("START_CUTOVER", "app", 0)


def test_mark_ready_touches_nothing_that_another_run_holds(wave: Any) -> None:
    driver = wave()
    driver.register()
    driver.step("test_launch", "app")
    driver.step("test_verify", "app")
    other = replace(driver.services.holder, run_id="other")
    driver.services.ledger.take_over(driver.servers("app"), driver.services.holder, other)
    with pytest.raises(MigrationError, match="another run"):
        driver.step("mark_ready", "app")
    assert driver.states("app") == {"TESTING"}


@pytest.mark.parametrize(
    ("kind", "error"), [("dropAfter", None), ("dropBefore", OutcomeUnknownError), ("accessDenied", AccessDeniedError)]
)
def test_mark_ready_with_a_lost_lifecycle_change(wave: Any, box: Any, kind: str, error: Any) -> None:
    driver = wave()
    driver.register()
    driver.step("test_launch", "app")
    driver.step("test_verify", "app")
    box.client.add_fault(kind, service="mgn", operation="ChangeServerLifeCycleState", times=1)
    if error:
        with pytest.raises(error):
            driver.step("mark_ready", "app")
    driver.step("mark_ready", "app")
    assert driver.states("app") == {"READY_FOR_CUTOVER"}
    assert driver.phases("app") == {"READY"}
    driver.assert_jobs("TERMINATE", "app")
