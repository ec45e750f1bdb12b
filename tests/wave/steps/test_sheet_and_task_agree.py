"""Whatever the ledger says, the sheet calls a migration ready exactly when the task may act, in the same words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import StepFailedError
from migration_ops.core.states import ENDED, Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.ledger.protocol import Record
from migration_ops.wave.permission import GateShutError, require_permitted
from migration_ops.wave.rules.permit import Request, Surroundings, permit
from migration_ops.wave.rules.standing import standing_of
from migration_ops.wave.services import StepInput
from migration_ops.wave.sheets.sheet import finalize_sheet
from migration_ops.wave.steps.sheets import _finalize_row
from tests.wave.steps.wave_driver import Driver, make_plan

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
    except StepFailedError as none:
        return False, str(none.context["leftOut"]["app"])
    return "app" in sheet["ready"], ""


def task_says(driver: Driver, action: str) -> tuple[bool, str]:
    """With a sheet and an approval that let it go: what is left is where it stands."""
    sheet = {"ready": ["app"], "excluded": {}, "digest": "d", "madeAt": driver.services.now().isoformat()}
    inputs = {"sheet": sheet, "approval": driver.approve(sheet)}
    try:
        require_permitted(driver.services, StepInput(driver.plan, driver.plan.application("app"), None, inputs), action)
    except GateShutError as shut:
        return False, shut.message
    return True, ""


@pytest.mark.parametrize("code", CODES)
def test_the_cutover_is_permitted_when_and_only_when_the_sheet_says_ready(wave: Any, code: str | None) -> None:
    driver: Driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
    driver.register()
    differ = {}
    for phase, stopped_in in sorted(STATES, key=lambda one: one[0] is Phase.FINALIZED):  # nothing comes after it
        before = frozen(driver)
        driver.services.ledger.write([before], [changed(before, phase, stopped_in, code)], "test")
        sheet, task = sheet_says(driver), task_says(driver, "cutover")
        if sheet != task or task_says(driver, "quiesce")[0] is not task[0]:
            differ[phase, stopped_in] = (sheet, task)
    assert differ == {}


def frozen(driver: Driver) -> Record:
    """FROZEN may become anything, so that every state can be written from it."""
    [now] = driver.records("app")
    if now.phase is Phase.ROLLED_BACK:
        [now] = driver.services.ledger.write([now], [now.to(Phase.ROLLING_BACK)], "test")
    return driver.services.ledger.write([now], [now.to(Phase.FROZEN)], "test")[0]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("phase", "stopped_in"), STATES)
def test_finalize_is_permitted_when_and_only_when_the_sheet_says_ready(
    phase: Phase, stopped_in: Phase | None, code: str | None
) -> None:
    plan = make_plan([{"appName": "app", "servers": [{"migrationId": "mig-a", "sourceServerId": "s-" + "a" * 17}]}])
    app = plan.applications[0]
    record = changed(Record("mig-a", "wave-1", "app", app.server_ids[0], phase), phase, stopped_in, code)
    boots = {record.source_server_id: GateResult("boot", record.source_server_id, Verdict.OK)}
    views = {record.source_server_id: ServerView(record.source_server_id, lifecycle_state="CUTTING_OVER")}
    sheet = finalize_sheet(plan, [_finalize_row(plan, app, {"mig-a": record}, boots, views)])
    approved = {"ready": ["app"], "digest": "d", "madeAt": "2999-01-01T00:00:00+00:00"}
    approval = {"approved": True, "planHash": plan.plan_hash, "sheetDigest": "d", "runId": "", "at": "2026"}
    facts = record.facts | {"approvals": {"finalize": approval}, "registered": {"planHash": plan.plan_hash}}
    standing = standing_of(replace(record, facts=facts))
    asked = permit("finalize", plan, app, [standing], Request(approved, "finalize"), Surroundings())
    assert asked.is_given is ("app" in sheet.ready)
    if sheet.left_out and not sheet.left_out["app"].startswith("not cut over"):
        assert sheet.left_out["app"] == asked.words
