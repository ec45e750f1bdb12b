"""A launch of ours that takes effect after ROLLED_BACK was written is seen, said, and undone by the next rollback."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError
from migration_ops.core.errors import MigrationError
from migration_ops.ledger.protocol import Holder
from migration_ops.wave.conf.rollback import RollbackConf
from migration_ops.wave.decisions import note_decision
from migration_ops.wave.permission import GateShutError
from migration_ops.wave.services import StepInput
from migration_ops.wave.steps.close import GoalMissedError
from migration_ops.wave.steps.registry import STEPS
from migration_ops.wave.steps.rollback_change import act_on_request, request_sheet
from migration_ops.wave.steps.rollback_request import rollback_plan, rollback_sheet, select_records
from migration_ops.wave.waits.outcome import Wait
from tests.wave.steps.test_late_launches import READY, Withheld, given_up_cutover, outcomes
from tests.wave.steps.wave_driver import Driver, MgnProxy, WorkerKilled, killed, without_job_tags

CODE = "LAUNCHED_AFTER_ROLLBACK"


def rolled_back(wave: Any, **conf: Any) -> tuple[Driver, Withheld]:
    """Rolled back, and its launch still under way to MGN."""
    driver, withheld = given_up_cutover(wave, **conf)
    driver.roll_back("app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    return driver, withheld


def codes(driver: Driver) -> set[str | None]:
    return {record.error_code for record in driver.records("app")}


def requested(driver: Driver) -> Any:
    """As ``migration_rollback`` does it, after the wave's run has ended and freed its locks."""
    holder = Holder("migration_rollback", "undo-1", driver.plan.wave)
    services = replace(driver.services, holder=holder)
    services.ledger.release(driver.servers("app"), driver.services.holder)
    conf = RollbackConf(wave=driver.plan.wave, reason="a late launch", dryRun=False)
    records = select_records(services, conf)
    plan = rollback_plan(services, conf, records)
    text, foreign = rollback_sheet(services, plan, records, conf.reason)
    sheet = request_sheet(services, plan, records, text, foreign, conf.reason)
    about = {"planHash": plan.plan_hash, "sheetDigest": sheet["digest"], "runId": holder.run_id}
    answer = {"approval": "rollback", "approved": True, "at": services.now().isoformat(), **about}
    note_decision(services, plan, answer)
    [app] = plan.applications
    resumed = None
    while True:
        inp = StepInput(plan, app, resumed, {"decision": sheet, "approval": answer})
        outcome = act_on_request(services, inp, sheet, partial(STEPS["rollback"], services))
        if not isinstance(outcome, Wait):
            return outcome
        resumed = driver.wait(outcome)


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("tags", [True, False])
def test_the_end_of_the_wave_sees_it_and_says_it(wave: Any, ended: bool, tags: bool) -> None:
    driver, withheld = rolled_back(wave)
    withheld.take_effect(ended)
    with pytest.raises(GoalMissedError) as missed:
        (driver if tags else without_job_tags(driver)).step("close", "app")
    assert (driver.phases("app"), codes(driver)) == ({"FROZEN"}, {CODE})
    assert "CUTTING_OVER" in str(missed.value.context["errors"])


def test_what_was_rolled_back_and_stays_so_is_left_alone(wave: Any) -> None:
    driver, _ = rolled_back(wave)
    before = [record.version for record in driver.records("app")]
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert (driver.phases("app"), codes(driver)) == ({"ROLLED_BACK"}, {None})
    assert [record.version for record in driver.records("app")] == before


def test_the_cleared_rollback_does_not_say_that_it_was_done_before(wave: Any) -> None:
    driver, withheld = rolled_back(wave)
    withheld.take_effect()
    with pytest.raises(GateShutError):
        driver.step("rollback", "app", decision={"decision": "rollback", "reason": "a test"})
    assert (driver.phases("app"), codes(driver)) == ({"FROZEN"}, {CODE})
    assert driver.instances("app")


@pytest.mark.parametrize("seen", [True, False])
def test_a_rollback_on_request_undoes_it(wave: Any, seen: bool) -> None:
    driver, withheld = rolled_back(wave)
    withheld.take_effect()
    if seen:
        with pytest.raises(GoalMissedError):
            driver.step("close", "app")
    requested(driver)
    assert (driver.instances("app"), driver.phases("app"), codes(driver)) == ({}, {"ROLLED_BACK"}, {None})
    assert driver.states("app") == {"READY_FOR_CUTOVER"}
    assert outcomes(driver, "START_CUTOVER") == {"ROLLED_BACK"}


def test_a_late_test_launch_is_seen_too(wave: Any) -> None:
    driver: Driver = wave(READY | {"state": "READY_FOR_TEST"})
    driver.register()
    withheld = Withheld(driver, "start_test")
    withheld.begin("test_launch")
    driver.roll_back("app")
    withheld.take_effect()
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert (driver.phases("app"), codes(driver)) == ({"FROZEN"}, {CODE})
    requested(driver)
    assert (driver.instances("app"), driver.states("app")) == ({}, {"READY_FOR_TEST"})


def test_it_is_not_launched_again_nor_verified(wave: Any) -> None:
    driver, withheld = rolled_back(wave)
    withheld.take_effect()
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    for step in ("cutover", "cutover_verify"):
        with pytest.raises(MigrationError):
            driver.step(step, "app")
    driver.assert_jobs("START_CUTOVER", "app", 1)


def test_a_look_that_is_refused_is_not_taken_for_a_good_one(wave: Any) -> None:
    driver, withheld = rolled_back(wave)
    withheld.take_effect()

    def refuse(*_: Any) -> Any:
        raise AccessDeniedError("no")

    mgn = MgnProxy(driver.services.mgn, describe_servers=refuse)
    with pytest.raises(GoalMissedError) as missed:
        replace(driver, services=replace(driver.services, mgn=mgn)).step("close", "app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert "not known" in str(missed.value.context["errors"])


def test_somebody_elses_launch_after_the_rollback_is_named_and_left(wave: Any) -> None:
    """It is not this migration's: a person tests the server by hand. The rollback stays true."""
    driver, _ = rolled_back(wave)
    driver.services.mgn.start_cutover(driver.servers("app"), {"owner": "carol"})
    driver.box.clock.advance(86_400)
    driver.box.run_due()
    with pytest.raises(GoalMissedError) as missed:
        driver.step("close", "app")
    assert driver.phases("app") == {"ROLLED_BACK"}
    assert "somebody else" in str(missed.value.context["errors"])


def test_a_worker_that_dies_while_it_looks_leaves_it_to_the_next(wave: Any) -> None:
    driver, withheld = rolled_back(wave)
    withheld.take_effect()

    def die(*_: Any) -> Any:
        raise WorkerKilled

    with killed():
        mgn = MgnProxy(driver.services.mgn, describe_servers=die)
        replace(driver, services=replace(driver.services, mgn=mgn)).step("close", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert (driver.phases("app"), codes(driver)) == ({"FROZEN"}, {CODE})
