"""What the go/no-go sheet tells its approver: when it was made, tested or not, rolled back, held."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from migration_ops.core.errors import StepFailedError
from tests.wave.steps.wave_driver import Driver

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}


def text_of(sheet: dict[str, Any]) -> str:
    return str(sheet["markdown"]).replace("\\", "")


def column(sheet: dict[str, Any], name: str) -> str:
    head, row = (
        [cell.strip() for cell in line.split("|")]
        for line in sheet["markdown"].splitlines()
        if line.startswith(("| Application", "| `app`"))
    )
    return dict(zip(head, row, strict=True))[name]


def test_it_says_when_it_was_made_and_the_digest_does_not_change_with_it(wave: Any) -> None:
    driver: Driver = wave(READY)
    driver.ready()
    first, second = driver.results["go_no_go"], driver.step("go_no_go")
    assert datetime.fromisoformat(first["madeAt"]) < datetime.fromisoformat(second["madeAt"])
    assert f"Made at `{second['madeAt']}`" in second["markdown"]
    assert first["digest"] == second["digest"]
    driver.cutover("app")
    assert "Made at" in driver.step("soak")["markdown"]


def test_tested_in_this_wave(wave: Any) -> None:
    driver: Driver = wave({"appName": "app", "servers": 2})
    driver.ready()
    sheet = driver.results["go_no_go"]
    assert column(sheet, "Tests") == "2 of 2 tested in this wave"
    assert f"tested in this wave on {driver.records('app')[0].facts['test']['testedAt']}" in text_of(sheet)


@pytest.mark.parametrize("how", ["ready before", "testLaunch is false"])
def test_not_tested_in_this_wave(wave: Any, how: str) -> None:
    driver: Driver = wave(READY) if how == "ready before" else wave(testLaunch=False)
    driver.ready()
    driver.assert_jobs("START_TEST", "app", 0)
    sheet = driver.results["go_no_go"]
    assert sheet["ready"] == ["app"]
    assert column(sheet, "Tests") == "0 of 1 tested in this wave"
    assert "not tested in this wave" in text_of(sheet)


def test_an_older_ledger_does_not_say_whether_it_was_tested(wave: Any) -> None:
    driver: Driver = wave()
    driver.ready()
    [old] = driver.records("app")
    facts = {name: fact for name, fact in old.facts.items() if name != "test"}
    driver.services.ledger.write([old], [old.to(old.phase, facts=facts)], "older", holder=driver.services.holder)
    sheet = driver.step("go_no_go")
    assert column(sheet, "Tests") == "0 of 1 tested in this wave, 1 unknown"
    assert "does not say whether it was tested" in text_of(sheet)


def test_a_test_in_another_wave_is_none_in_this_one(wave: Any) -> None:
    driver: Driver = wave()
    driver.ready()
    conf = driver.plan.conf.model_copy(update={"wave": "another"})
    plan = replace(driver.plan, wave="another", conf=conf)
    second = replace(driver, plan=plan, results={})
    second.register()
    second.test("app")
    assert "not tested in this wave (tested on" in text_of(second.step("go_no_go"))


def test_a_rollback_is_named_with_its_date_and_reason_and_asks_for_a_new_approval(wave: Any) -> None:
    driver: Driver = wave(READY)
    driver.ready()
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("app"))
    with pytest.raises(StepFailedError):
        driver.step("cutover", "app")
    why = "database corrupt, do NOT move this week"
    driver.roll_back("app", {"decision": "rollback", "reason": why, "by": "ann"})
    before, sheet = driver.results["go_no_go"], driver.step("go_no_go")
    when = driver.records("app")[0].facts["rolledBack"]["at"]
    assert f"rolled back on {when} because {why}" in text_of(sheet)
    assert sheet["ready"] == ["app"]
    assert sheet["digest"] != before["digest"]
