"""Whatever the ledger says of a migration, the sheet calls it ready exactly when the task may act, in the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.errors import StepFailed
from migration_ops.ledger.protocol import Record
from migration_ops.steps.evidence import _finalize_row
from migration_ops.steps.services import StepInput
from migration_ops.wave.permission import GateShut, require_permitted
from migration_ops.wave.rules.permit import Request, Surroundings, permit
from migration_ops.wave.rules.standing import standing_of
from migration_ops.waves.sheet import finalize_sheet
from migration_ops.waves.states import ENDED, Phase
from migration_ops.waves.verdict import Check, Verdict
from tests.unit.steps.wave_driver import Driver, make_plan

BETWEEN = sorted(set(Phase) - ENDED)
STATES = [(phase, None) for phase in Phase] + [
    (phase, stopped_in) for phase in (Phase.FAILED, Phase.FROZEN) for stopped_in in BETWEEN
]
CODES = (None, "NOT_REACHED", "LAUNCH_FAILED", "WAVE_STOPPED")


def changed(record: Record, phase: Phase, stopped_in: Phase | None, code: str | None) -> Record:
    facts = {"ready": True} | ({"stoppedIn": stopped_in.value} if stopped_in else {})
    message = None if code is None else "as it was noted"
    return record.to(phase, facts=facts, error_code=code, error_message=message, instance_id="i-1")


def sheet_says(driver: Driver) -> tuple[bool, str]:
    try:
        sheet = driver.step("go_no_go")
    except StepFailed as none:
        return False, str(none.context["leftOut"]["app"])
    return "app" in sheet["ready"], ""


def task_says(driver: Driver, action: str) -> tuple[bool, str]:
    """With a sheet and an approval that let it go: what is left is where it stands."""
    sheet = {"ready": ["app"], "excluded": {}, "digest": "d", "madeAt": driver.services.now().isoformat()}
    inputs = {"sheet": sheet, "approval": driver.approve(sheet)}
    try:
        require_permitted(
            driver.services, StepInput(driver.plan, driver.plan.application("app"), None, inputs), action
        )
    except GateShut as shut:
        return False, shut.message
    return True, ""


@pytest.mark.parametrize("code", CODES)
def test_the_cutover_is_permitted_when_and_only_when_the_sheet_says_ready(wave: Any, code: str | None) -> None:
    driver: Driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
    driver.register()
    ledger, differ = driver.services.ledger, {}
    for phase, stopped_in in STATES:
        [now] = driver.records("app")
        # FROZEN may become anything, so that every state can be written.
        [frozen] = ledger.write([now], [now.to(Phase.FROZEN)], "test") if now.phase is not Phase.FINALIZED else [now]
        ledger.write([frozen], [changed(frozen, phase, stopped_in, code)], "test")
        sheet, task = sheet_says(driver), task_says(driver, "cutover")
        if sheet != task:
            differ[phase, stopped_in] = (sheet, task)
        assert task_says(driver, "quiesce")[0] is task[0]
        if phase is Phase.FINALIZED:
            driver = _fresh(driver)
            ledger = driver.services.ledger
    assert differ == {}


def _fresh(driver: Driver) -> Driver:
    """FINALIZED may become nothing else: a migration of another name goes on."""
    app = driver.plan.application("app")
    server = replace(app.servers[0], migration_id="mig-another")
    plan = replace(driver.plan, applications=(replace(app, servers=(server,)),))
    other = replace(driver, plan=plan)
    [old] = driver.records("app")
    blank = replace(old, migration_id="mig-another", phase=Phase.PLANNED, version=0, history_sequence=0)
    driver.services.ledger.write([replace(blank, history_digest="")], [replace(blank, history_digest="")], "test")
    return other


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("phase", "stopped_in"), STATES)
def test_finalize_is_permitted_when_and_only_when_the_sheet_says_ready(
    phase: Phase, stopped_in: Phase | None, code: str | None
) -> None:
    plan = make_plan([{"appName": "app", "servers": [{"migrationId": "mig-a", "sourceServerId": "s-" + "a" * 17}]}])
    app = plan.applications[0]
    record = changed(Record("mig-a", "wave-1", "app", app.server_ids[0], phase), phase, stopped_in, code)
    boots = {record.source_server_id: Check("boot", record.source_server_id, Verdict.OK)}
    sheet = finalize_sheet(plan, [_finalize_row(plan, app, {"mig-a": record}, boots)])
    approved = {"ready": ["app"], "digest": "d", "madeAt": "2999-01-01T00:00:00+00:00"}
    approval = {"approved": True, "planHash": plan.plan_hash, "sheetDigest": "d"}
    asked = permit("finalize", plan, app, [standing_of(record)], Request(approved, approval), Surroundings())
    assert asked.is_given is ("app" in sheet.ready)
    if sheet.left_out and not sheet.left_out["app"].startswith("not cut over"):
        assert sheet.left_out["app"] == asked.words
