"""The source is stopped before the final sync and started again by a rollback.

moto keeps every SSM command in progress, so SSM is botocore's Stubber: requests and answers are validated by its model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber

from migration_ops.core.errors import FrozenError, StepFailedError, StepTimedOutError
from migration_ops.wave.permission import ApprovalVoidError, NotOnSheetError, WaveStoppedError, WindowClosedError
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import Driver, WorkerKilled, client_factory, killed

NODE = "mi-" + "a" * 17


class Ssm:
    """A stubbed SSM: ``expects`` one command and how it ends."""

    def __init__(self, driver: Driver) -> None:
        self.client = driver.box.boto("ssm")
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.number = 0

    def expects(self, commands: list[str], status: str = "Success", running: int = 1) -> None:
        self.number += 1
        command = f"{self.number:08d}-0000-4000-8000-000000000000"
        self.stub.add_response(
            "send_command",
            {"Command": {"CommandId": command}},
            {
                "InstanceIds": [NODE],
                "DocumentName": "AWS-RunShellScript",
                "Comment": ANY,
                "Parameters": {"commands": commands},
            },
        )
        asked = {"CommandId": command, "InstanceId": NODE}
        for _ in range(running):
            self.stub.add_response("get_command_invocation", {"CommandId": command, "Status": "InProgress"}, asked)
        self.stub.add_response("get_command_invocation", {"CommandId": command, "Status": status}, asked)

    def done(self) -> None:
        self.stub.assert_no_pending_responses()


@pytest.fixture
def quiet(wave: Any, estate: Any, box: Any) -> Any:
    """Right before the quiesce step, with a stubbed SSM."""

    def make(**spec: Any) -> tuple[Driver, Ssm]:
        driver = wave({"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"})
        [server] = driver.servers("app")
        quiesce = {
            "commands": ["stop it"],
            "undoCommands": ["start it"],
            "timeoutMinutes": 0.5,
            "documentName": "AWS-RunShellScript",
            "instanceIds": {server: NODE},
        }
        driver.change_conf(quiesce=quiesce | spec)
        driver.register()
        driver.step("test_launch", "app")
        driver.pass_go_no_go()
        ssm, real = Ssm(driver), client_factory(box)
        services = replace(driver.services, client=lambda name: ssm.client if name == "ssm" else real(name))
        return replace(driver, services=services), ssm

    return make


def state(driver: Driver) -> str:
    return str(driver.records("app")[0].facts["quiesce"]["state"])


def test_stopped_before_and_started_by_the_rollback(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.expects(["stop it"])
    driver.step("quiesce", "app")
    assert state(driver) == "STOPPED"
    ssm.done()
    driver.step("cutover", "app")
    ssm.expects(["start it"])
    driver.roll_back("app")
    ssm.done()
    assert (state(driver), driver.phases("app")) == ("STARTED", {"ROLLED_BACK"})


def test_the_way_back_is_known_before_anything_is_stopped(quiet: Any) -> None:
    driver, ssm = quiet()

    class Dies:
        def send_command(self, **_: Any) -> Any:
            raise WorkerKilled

    real = driver.services.client
    dying = replace(driver, services=replace(driver.services, client=lambda n: Dies() if n == "ssm" else real(n)))
    with killed():
        dying.step("quiesce", "app")
    assert state(driver) == "INTENDED"
    ssm.expects(["start it"])
    driver.roll_back("app")
    assert state(driver) == "STARTED"
    ssm.done()


def test_a_failed_stop_is_tried_again_after_clearing(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.expects(["stop it"], "Failed")
    with pytest.raises(StepFailedError, match="quiesce failed"):
        driver.step("quiesce", "app")
    assert state(driver) == "STOP_FAILED"
    ssm.expects(["stop it"])
    driver.step("quiesce", "app")
    assert state(driver) == "STOPPED"
    ssm.done()


def test_a_failed_stop_is_undone_by_the_rollback(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.expects(["stop it"], "TimedOut")
    with pytest.raises(StepFailedError):
        driver.step("quiesce", "app")
    ssm.expects(["start it"])
    driver.roll_back("app")
    ssm.done()
    assert driver.phases("app") == {"ROLLED_BACK"}


def test_a_failed_undo_freezes_and_is_tried_again(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.expects(["stop it"])
    driver.step("quiesce", "app")
    ssm.expects(["start it"], "Failed")
    with pytest.raises(FrozenError, match="undo of quiesce failed"):
        driver.roll_back("app")
    assert (state(driver), driver.phases("app")) == ("UNDO_FAILED", {"FROZEN"})
    ssm.expects(["start it"])
    driver.roll_back("app")
    assert (state(driver), driver.phases("app")) == ("STARTED", {"ROLLED_BACK"})
    ssm.done()


def test_clearing_stops_it_again(quiet: Any) -> None:
    """Somebody may have started the source since."""
    driver, ssm = quiet()
    for _ in range(2):
        ssm.expects(["stop it"])
        driver.step("quiesce", "app")
    ssm.done()


def test_a_restart_follows_the_command_that_runs(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.expects(["stop it"], running=2)
    driver.advance("quiesce", "app")
    driver.advance("quiesce", "app")
    driver.step("quiesce", "app")
    assert state(driver) == "STOPPED"
    ssm.done()


def test_a_command_that_does_not_end_times_out(quiet: Any) -> None:
    driver, ssm = quiet(timeoutMinutes=0.005)
    ssm.expects(["stop it"], running=200)
    with pytest.raises(StepTimedOutError):
        driver.step("quiesce", "app")
    assert state(driver) == "STOPPING"


def test_a_source_that_is_stopped_is_no_clean_end(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.expects(["stop it"])
    driver.step("quiesce", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    assert "not started again" in str(driver.records("app")[0].error_message)


def test_ssm_that_refuses_stops_the_step(quiet: Any) -> None:
    driver, ssm = quiet()
    ssm.stub.add_client_error("send_command", "InvalidInstanceId")
    with pytest.raises(Exception, match="SendCommand"):
        driver.step("quiesce", "app")
    assert state(driver) == "INTENDED"
    assert driver.phases("app") == {"READY"}


def approvals_on(driver: Driver) -> None:
    driver.change_conf(approvals={"cutover": True})


def unapproved(driver: Driver) -> dict[str, Any]:
    approvals_on(driver)
    return {"approval": {"approved": False}}


def approved_another_sheet(driver: Driver) -> dict[str, Any]:
    approvals_on(driver)
    return {"approval": driver.approve({"digest": "an older sheet"})}


def left_out(driver: Driver) -> dict[str, Any]:
    return {"sheet": {"ready": [], "excluded": {"app": "its test failed"}, "digest": "sheet"}}


def window_over(driver: Driver) -> dict[str, Any]:
    window = {"opens": "2026-01-01T00:00:00+00:00", "closes": "2026-01-01T04:00:00+00:00"}
    driver.change_conf(cutoverWindow=window)
    return {}


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (unapproved, ApprovalVoidError),
        (approved_another_sheet, ApprovalVoidError),
        (left_out, NotOnSheetError),
        (window_over, WindowClosedError),
    ],
)
def test_nothing_is_stopped_without_approval_or_outside_the_window(quiet: Any, prepare: Any, error: Any) -> None:
    """A person may clear this task alone, at noon: stopping the source is an outage."""
    driver, ssm = quiet()
    inputs = prepare(driver)
    with pytest.raises(error):
        driver.step("quiesce", "app", **inputs)
    assert "quiesce" not in driver.records("app")[0].facts
    ssm.done()


def test_a_wave_that_stopped_stops_no_source(wave: Any) -> None:
    ready = {"servers": 1, "state": "READY_FOR_CUTOVER"}
    driver = wave(ready | {"appName": "app"}, ready | {"appName": "core", "impact": "critical"})
    targets = {server: NODE for app in ("app", "core") for server in driver.servers(app)}
    quiesce = {
        "commands": ["stop it"],
        "undoCommands": ["start it"],
        "timeoutMinutes": 0.5,
        "documentName": "AWS-RunShellScript",
        "instanceIds": targets,
    }
    driver.change_conf(quiesce=quiesce)
    driver.register()
    driver.step("test_launch", "app")
    driver.pass_go_no_go()
    with pytest.raises(StepSkipped):
        driver.roll_back("core", {"decision": "hold"})
    with pytest.raises(WaveStoppedError):
        driver.step("quiesce", "app")
    assert "quiesce" not in driver.records("app")[0].facts


def test_without_quiesce_nothing_is_stopped(wave: Any) -> None:
    driver = wave()
    driver.register()
    assert driver.step("quiesce", "app")["passed"] == "no quiesce in the conf"
