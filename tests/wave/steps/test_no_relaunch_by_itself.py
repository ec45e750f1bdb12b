"""Airflow can lose the news of a failed task and retry it: a failed launch is repeated only when a person clears."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.core.errors import StepFailed
from migration_ops.wave.services import StepInput
from migration_ops.wave.steps.registry import STEPS
from tests.wave.steps.wave_driver import Driver


@pytest.mark.parametrize(("fault", "action"), [("launchFailure", "START_TEST"), ("launchFailure", "START_CUTOVER")])
def test_a_retry_does_not_launch_what_failed(wave: Any, box: Any, fault: str, action: str) -> None:
    driver: Driver = wave({"appName": "app", "servers": 2})
    driver.register()
    step = "test_launch"
    if action == "START_CUTOVER":
        driver.test("app")
        driver.step("go_no_go")
        step = "cutover"
    bad = driver.servers("app")[0]
    box.client.add_fault(fault, times=1, serverIds=[bad])
    with pytest.raises(StepFailed, match=bad):
        driver.step(step, "app")
    before = driver.jobs(action, "app")
    sheet = driver.results.get("go_no_go")
    inputs = {"sheet": sheet, "approval": driver.approve(sheet)} if sheet else {}
    retried = StepInput(driver.plan, driver.plan.application("app"), None, inputs, is_retry=True)
    with pytest.raises(StepFailed, match="not repeated by itself"):
        STEPS[step](driver.services, retried)
    assert driver.jobs(action, "app") == before
    assert driver.state(bad) == ("TESTING" if action == "START_TEST" else "CUTTING_OVER")
    assert driver.records("app")[0].error_code == "LAUNCH_FAILED"
    driver.step(step, "app")  # cleared by a person
    assert driver.jobs(action, "app")[bad] == before[bad] + 1
