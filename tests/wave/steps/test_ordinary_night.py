"""What an ordinary night contains: things that change between two looks, and answers that outlive their question."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.wave.permission import ApprovalVoidError, DependencyNotCutOverError
from migration_ops.wave.services import StepInput
from migration_ops.wave.sheets.report import wave_report
from migration_ops.wave.steps.registry import STEPS
from tests.wave.steps.wave_driver import Driver

A = {"appName": "a", "servers": 1, "state": "READY_FOR_CUTOVER"}
B = {"appName": "b", "servers": 1, "state": "READY_FOR_CUTOVER", "dependsOn": ["a"]}


def terminate(driver: Driver, app: str) -> None:
    [ids] = driver.instances(app).values()
    driver.box.boto("ec2").terminate_instances(InstanceIds=ids)


def test_the_report_calls_nothing_reached_whose_instance_is_broken(wave: Any) -> None:
    """The report runs whatever happened to ``close``, which settles such an application."""
    driver: Driver = wave(A, finalize=False)
    driver.ready()
    driver.cutover("a")
    terminate(driver, "a")
    driver.step("soak")
    assert wave_report(driver.services, driver.plan, ["cutover"])["reached"] is False


def test_what_was_reverted_in_the_console_is_not_offered_for_finalize(wave: Any) -> None:
    driver: Driver = wave(A)
    driver.ready()
    driver.cutover("a")
    driver.services.mgn.change_lifecycle(driver.servers("a")[0], "READY_FOR_CUTOVER")
    sheet = driver.step("soak")
    assert sheet["ready"] == []
    assert "READY_FOR_CUTOVER" in sheet["excluded"]["a"]


@pytest.mark.parametrize("refused", [True, False])
def test_nothing_is_cut_over_onto_a_dependency_that_died_since(wave: Any, box: Any, refused: bool) -> None:
    """Nobody has looked at it since its verification: the ledger still says CUTOVER_VERIFIED."""
    driver: Driver = wave(A, B)
    driver.ready("a", "b")
    driver.cutover("a")
    if refused:
        box.client.add_fault("accessDenied", service="ec2", operation="DescribeInstanceStatus")
    else:
        terminate(driver, "a")
    with pytest.raises(DependencyNotCutOverError):
        driver.step("cutover", "b")
    driver.assert_jobs("START_CUTOVER", "b", 0)
    assert driver.phases("b") == {"READY"}


def test_a_decision_about_a_failed_test_does_not_roll_back_the_cutover(wave: Any) -> None:
    """It was never acted on, because the person retried; whoever can edit XComs cannot use it hours later."""
    driver: Driver = wave(A | {"state": "READY_FOR_TEST"})
    driver.register()
    driver.step("replication_ready", "a")
    driver.step("test_launch", "a")
    answer = {"approved": True, "decision": "rollback", "planHash": driver.plan.plan_hash, "by": "ann"}
    answer |= {"runId": driver.services.holder.run_id, "at": driver.services.now().isoformat()}
    answer["phases"] = {record.source_server_id: record.phase.value for record in driver.records("a")}
    driver.note("decide", answer, "a")
    driver.step("test_verify", "a")
    driver.step("mark_ready", "a")
    driver.step("go_no_go")
    driver.cutover("a")
    forged = {"decision": {"decision": "rollback", "reason": "forged"}}
    with pytest.raises(ApprovalVoidError):
        STEPS["rollback"](driver.services, StepInput(driver.plan, driver.plan.application("a"), None, forged))
    assert driver.phases("a") == {"CUTOVER_VERIFIED"}
    assert driver.instances("a")
