"""A launch whose post-launch actions failed is LAUNCHED and COMPLETED; it is neither verified nor finalized."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.core.errors import StepTimedOutError, ThrottledError
from migration_ops.core.verdict import Verdict
from migration_ops.wave.launching.launch_actions import LaunchActionFailedError
from migration_ops.wave.rules.launch_actions import judge_actions
from migration_ops.wave.steps.finalize import InstanceBrokenError, InstanceUnknownError
from tests.wave.builders import server_id
from tests.wave.steps.test_verify import IMPATIENT
from tests.wave.steps.wave_driver import Driver, MgnProxy

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}
OK, BLOCKED, UNKNOWN = Verdict.OK, Verdict.BLOCKED, Verdict.UNKNOWN


def action(status: str | None, must: bool | None = True, reason: str | None = None) -> dict[str, Any]:
    """As MGN writes it."""
    document = {"actionName": "join-domain", "ssmDocumentName": "Example-JoinDomain", "mustSucceedForCutover": must}
    found = {"ssmDocument": document, "ssmDocumentType": "COMMAND", "executionStatus": status, "failureReason": reason}
    return {key: value for key, value in found.items() if value is not None}


def job(*actions: dict[str, Any]) -> JobView:
    part = {"sourceServerID": server_id(1), "launchStatus": "LAUNCHED", "launchedEc2InstanceID": "i-1"}
    status = {"postLaunchActionsLaunchStatusList": list(actions)}
    return JobView.from_api({"jobID": "mgnjob-1", "participatingServers": [part | {"postLaunchActionsStatus": status}]})


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ([], OK),
        ([action("SUCCESS"), action("SUCCESS", False)], OK),
        ([action("SUCCESS"), action("FAILED")], BLOCKED),
        ([action("FAILED", None)], BLOCKED),
        ([action("FAILED", False)], OK),
        ([action("IN_PROGRESS")], UNKNOWN),
        ([action("IN_PROGRESS", False)], OK),
        ([action(None)], UNKNOWN),
        ([action("SOMETHING_NEW")], UNKNOWN),
        ([action("IN_PROGRESS"), action("FAILED")], BLOCKED),
    ],
)
def test_how_actions_are_judged(actions: list[dict[str, Any]], expected: Verdict) -> None:
    view = job(*actions)
    assert judge_actions(view, server_id(1)).verdict is expected
    assert judge_actions(JobView.from_document(view.as_document()), server_id(1)).verdict is expected


def test_what_is_named() -> None:
    check = judge_actions(job(action("FAILED", reason="exit status 1")), server_id(1))
    assert "join-domain (Example-JoinDomain) is FAILED: exit status 1" in check.reason
    assert "join-domain" in judge_actions(job(action("FAILED", False)), server_id(1)).reason
    assert judge_actions(None, server_id(1)).verdict is UNKNOWN


@pytest.fixture
def launched(wave: Any) -> Driver:
    driver: Driver = wave(READY)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    driver.step("cutover", "app")
    return driver


def having(driver: Driver, *actions: dict[str, Any]) -> None:
    """What MGN says of the actions of the cutover's job from now on."""
    [record] = driver.records("app")
    account = driver.box.mgn.own.account
    with account.lock:
        account.jobs[record.intents["START_CUTOVER"].job_id].participants[0].actions = list(actions)


def test_an_action_that_failed_is_not_verified(launched: Driver) -> None:
    having(launched, action("FAILED", reason="password=hunter2 was refused"))
    with pytest.raises(LaunchActionFailedError, match="join-domain") as failure:
        launched.step("cutover_verify", "app")
    assert "hunter2" not in str(failure.value)
    assert launched.phases("app") == {"CUTOVER_LAUNCHED"}


def test_an_action_that_runs_is_waited_for(launched: Driver) -> None:
    having(launched, action("IN_PROGRESS"))
    impatient = replace(launched, services=replace(launched.services, settings=IMPATIENT))
    with pytest.raises(StepTimedOutError, match="join-domain"):
        impatient.step("cutover_verify", "app")
    having(launched, action("SUCCESS"))
    evidence = launched.step("cutover_verify", "app")["checks"]
    assert [(one["name"], one["verdict"]) for one in evidence][-1] == ("post-launch actions", "OK")


def test_an_action_that_failed_later_is_neither_on_the_sheet_nor_finalized(launched: Driver) -> None:
    launched.step("cutover_verify", "app")
    launched.step("soak")
    having(launched, action("FAILED"))
    with pytest.raises(InstanceBrokenError, match="join-domain"):
        launched.step("finalize", "app")
    sheet = launched.step("soak")
    assert sheet["ready"] == []
    assert "join-domain" in sheet["excluded"]["app"]


def test_jobs_that_cannot_be_read_finalize_nothing(launched: Driver) -> None:
    launched.step("cutover_verify", "app")
    launched.step("soak")
    mgn = MgnProxy(launched.services.mgn, describe_jobs=lambda ids: {})
    with pytest.raises(InstanceUnknownError):
        replace(launched, services=replace(launched.services, mgn=mgn)).step("finalize", "app")

    def throttled(ids: Any) -> Any:
        raise ThrottledError("slow down")

    mgn = MgnProxy(launched.services.mgn, describe_jobs=throttled)
    with pytest.raises(ThrottledError):
        replace(launched, services=replace(launched.services, mgn=mgn)).step("finalize", "app")
    assert launched.phases("app") == {"CUTOVER_VERIFIED"}
