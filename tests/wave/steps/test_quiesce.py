"""The source is stopped before the final sync and started again by a rollback; SSM is the sandbox's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from include.sandbox.moto.ssm_nodes import Node, add_node, kept, node_id_of, nodes_of
from migration_ops.core.errors import FrozenError, MigrationError, StepFailedError, StepTimedOutError
from migration_ops.core.policy import Policy
from migration_ops.wave.permission import (
    ApprovalVoidError,
    NotOnSheetError,
    NotQuiescedError,
    TargetNotProvenError,
    WaveStoppedError,
    WindowClosedError,
)
from migration_ops.wave.rules.policy import problems
from migration_ops.wave.services import StepSkipped
from migration_ops.wave.steps.close import GoalMissedError
from tests.wave.steps.wave_driver import Driver, WorkerKilled, client_factory, killed

STOP, START = ["stop it"], ["start it"]


@pytest.fixture
def quiet(wave: Any) -> Callable[..., tuple[Driver, Node]]:
    """Right before the quiesce step of one server, with its managed node."""

    def make(server: dict[str, Any] | None = None, **spec: Any) -> tuple[Driver, Node]:
        driver = wave({"appName": "app", "servers": [server or {}], "state": "READY_FOR_CUTOVER"})
        [server_id] = driver.servers("app")
        quiesce = {"commands": STOP, "undoCommands": START, "timeoutMinutes": 0.5}
        driver.change_conf(quiesce={**quiesce, "instanceIds": {server_id: node_id_of(server_id)}, **spec})
        driver.register()
        driver.step("test_launch", "app")
        driver.pass_go_no_go()
        box = driver.box
        return driver, nodes_of(box.account_id, box.region)[node_id_of(server_id)]

    return make


class Proxy:
    """The SSM client, with single calls replaced."""

    def __init__(self, real: Any, **replaced: Callable[..., Any]) -> None:
        self._real = real
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def with_ssm(driver: Driver, **replaced: Callable[..., Any]) -> Driver:
    real = client_factory(driver.box)
    ssm = Proxy(real("ssm"), **replaced)
    return replace(driver, services=replace(driver.services, client=lambda one: ssm if one == "ssm" else real(one)))


def statuses(driver: Driver, node: Node) -> list[tuple[str, str]]:
    """Commands and how they stand, of one node."""
    found = kept(driver.box.account_id, driver.box.region)[1].values()
    for one in found:
        one.settle()
    return [(one.commands[0], one.status) for one in found if one.node is node]


def state(driver: Driver) -> str:
    return str(driver.records("app")[0].facts["quiesce"]["state"])


def test_stopped_before_and_started_by_the_rollback(quiet: Any) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    assert (state(driver), node.ran) == ("STOPPED", [STOP])
    driver.step("cutover", "app")
    driver.roll_back("app")
    assert (state(driver), driver.phases("app"), node.ran) == ("STARTED", {"ROLLED_BACK"}, [STOP, START])


def dies(**_: Any) -> Any:
    raise WorkerKilled


def test_the_way_back_is_known_before_anything_is_stopped(quiet: Any) -> None:
    driver, node = quiet()
    with killed():
        with_ssm(driver, send_command=dies).step("quiesce", "app")
    assert state(driver) == "INTENDED"
    driver.roll_back("app")
    assert (state(driver), node.ran) == ("STARTED", [START])


def sends_and_dies(driver: Driver) -> Driver:
    real = client_factory(driver.box)("ssm")

    def send_and_die(**request: Any) -> Any:
        real.send_command(**request)
        raise WorkerKilled

    return with_ssm(driver, send_command=send_and_die)


def test_a_killed_task_finds_the_command_that_it_sent(quiet: Any) -> None:
    driver, node = quiet()
    with killed():
        sends_and_dies(driver).step("quiesce", "app")
    assert state(driver) == "INTENDED"
    driver.step("quiesce", "app")
    assert (state(driver), node.ran) == ("STOPPED", [STOP])


def test_a_killed_rollback_finds_the_command_that_it_sent(quiet: Any) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    with killed():
        sends_and_dies(driver).roll_back("app")
    driver.roll_back("app")
    assert (state(driver), node.ran) == ("STARTED", [STOP, START])


def test_a_failed_stop_is_tried_again_after_clearing(quiet: Any) -> None:
    driver, node = quiet()
    node.ends_as = "Failed"
    with pytest.raises(StepFailedError, match="quiesce failed"):
        driver.step("quiesce", "app")
    assert state(driver) == "STOP_FAILED"
    node.ends_as = "Success"
    driver.step("quiesce", "app")
    assert state(driver) == "STOPPED"


def test_a_failed_stop_is_undone_by_the_rollback(quiet: Any) -> None:
    driver, node = quiet()
    node.ends_as = "Failed"
    with pytest.raises(StepFailedError):
        driver.step("quiesce", "app")
    node.ends_as = "Success"
    driver.roll_back("app")
    assert (driver.phases("app"), node.ran) == ({"ROLLED_BACK"}, [STOP, START])


def test_a_failed_undo_freezes_and_is_tried_again(quiet: Any) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    node.ends_as = "Failed"
    with pytest.raises(FrozenError, match="undo of quiesce failed"):
        driver.roll_back("app")
    assert (state(driver), driver.phases("app")) == ("UNDO_FAILED", {"FROZEN"})
    node.ends_as = "Success"
    driver.roll_back("app")
    assert (state(driver), driver.phases("app")) == ("STARTED", {"ROLLED_BACK"})


def test_clearing_stops_it_again(quiet: Any) -> None:
    """Somebody may have started the source since."""
    driver, node = quiet()
    for _ in range(2):
        driver.step("quiesce", "app")
    assert node.ran == [STOP, STOP]


def test_a_restart_follows_the_command_that_runs(quiet: Any) -> None:
    driver, node = quiet()
    node.seconds_to_run = 5.0
    driver.advance("quiesce", "app")
    driver.advance("quiesce", "app")
    driver.step("quiesce", "app")
    assert (state(driver), node.ran) == ("STOPPED", [STOP])


def test_a_command_says_how_long_it_may_wait_and_run(quiet: Any) -> None:
    driver, _ = quiet(timeoutMinutes=10)
    requests: list[dict[str, Any]] = []
    real = client_factory(driver.box)("ssm")

    def send(**request: Any) -> Any:
        requests.append(request)
        return real.send_command(**request)

    with_ssm(driver, send_command=send).step("quiesce", "app")
    [request] = requests
    assert 590 <= request["TimeoutSeconds"] <= 600
    assert 590 <= int(request["Parameters"]["executionTimeout"][0]) <= 600


# An agent that goes away: what was sent must not run later


def timed_out_stop(driver: Driver, node: Node) -> None:
    node.ping_status = "Online"
    driver.advance("quiesce", "app")
    with pytest.raises(StepTimedOutError, match="cancelled"):
        driver.step("quiesce", "app")


def test_a_command_that_nobody_waits_for_any_more_is_cancelled(quiet: Any) -> None:
    driver, node = quiet(timeoutMinutes=0.02)
    node.seconds_to_run = 600
    timed_out_stop(driver, node)
    assert state(driver) == "STOP_FAILED"
    assert statuses(driver, node) == [("stop it", "Cancelled")]


def goes_away_after_sending(driver: Driver, node: Node) -> Driver:
    """The agent answers when it is asked for, and is gone when the command is to be delivered."""
    real = client_factory(driver.box)("ssm")

    def send(**request: Any) -> Any:
        answer = real.send_command(**request)
        node.ping_status = "ConnectionLost"
        return answer

    return with_ssm(driver, send_command=send)


def test_a_stop_that_was_never_delivered_does_not_run_beside_its_undo(quiet: Any) -> None:
    driver, node = quiet(timeoutMinutes=0.02)
    with pytest.raises(StepTimedOutError):
        goes_away_after_sending(driver, node).step("quiesce", "app")
    node.ping_status = "Online"
    driver.roll_back("app")
    assert (state(driver), node.ran) == ("STARTED", [START])
    assert statuses(driver, node) == [("stop it", "Cancelled"), ("start it", "Success")]


def test_a_stop_that_may_still_run_is_waited_for_before_its_undo_is_sent(quiet: Any) -> None:
    """The agent went away while the command ran: SSM cannot say how it ended."""
    driver, node = quiet(timeoutMinutes=0.02)
    # The rollback gives up long before SSM does: what SSM says then is not what this is about.
    settings = replace(driver.services.settings, job_timeout_minutes=0.05)
    driver = replace(driver, services=replace(driver.services, settings=settings))
    node.seconds_to_run = 600
    driver.advance("quiesce", "app")
    driver.box.clock.skip(0.01)
    assert statuses(driver, node) == [("stop it", "InProgress")]
    node.ping_status = "ConnectionLost"
    with pytest.raises(StepTimedOutError, match="Cancelling"):
        driver.step("quiesce", "app")
    assert state(driver) == "STOP_UNKNOWN"
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    with pytest.raises(FrozenError):
        driver.roll_back("app")
    assert statuses(driver, node) == [("stop it", "Cancelling")]
    assert state(driver) == "UNDO_INTENDED"
    node.ping_status, node.seconds_to_run = "Online", 0
    driver.roll_back("app")
    assert (state(driver), node.ran) == ("STARTED", [STOP, START])


def test_a_rollback_cancels_a_stop_whose_task_was_killed(quiet: Any) -> None:
    driver, node = quiet()
    node.seconds_to_run = 600
    with killed():
        sends_and_dies(driver).step("quiesce", "app")
    driver.box.clock.skip(0.01)
    assert statuses(driver, node) == [("stop it", "InProgress")]
    real = client_factory(driver.box)("ssm")

    def cancel(**request: Any) -> Any:
        answer = real.cancel_command(**request)
        node.seconds_to_run = 0
        return answer

    with_ssm(driver, cancel_command=cancel).roll_back("app")
    assert statuses(driver, node) == [("stop it", "Cancelled"), ("start it", "Success")]
    assert (state(driver), node.ran) == ("STARTED", [STOP, START])


def test_a_command_that_ssm_has_forgotten_holds_up_no_rollback(quiet: Any) -> None:
    driver, node = quiet()
    node.seconds_to_run = 600
    driver.advance("quiesce", "app")
    kept(driver.box.account_id, driver.box.region)[1].clear()
    node.seconds_to_run = 0
    driver.roll_back("app")
    assert (state(driver), node.ran[-1]) == ("STARTED", START)


def test_a_stop_that_another_run_sent_to_another_node_is_cancelled_there(quiet: Any) -> None:
    driver, node = quiet()
    other = add_node(replace(node, instance_id="mi-" + "b" * 17, ran=[]), driver.box.account_id, driver.box.region)
    [server] = driver.servers("app")
    instances = driver.plan.conf.quiesce.instance_ids
    driver.change_conf(quiesce={**driver.plan.conf.quiesce.as_document(), "instanceIds": {server: other.instance_id}})
    other.seconds_to_run = 600
    driver.advance("quiesce", "app")
    driver.box.clock.skip(0.01)
    [old] = driver.records("app")
    facts = {**old.facts, "quiesce": {**old.facts["quiesce"], "runId": "the first run"}}
    driver.services.ledger.write([old], [old.to(old.phase, facts=facts)], "by hand", holder=driver.services.holder)
    driver.change_conf(quiesce={**driver.plan.conf.quiesce.as_document(), "instanceIds": instances})
    driver.step("quiesce", "app")
    assert statuses(driver, other) == [("stop it", "Cancelled")]
    assert (state(driver), node.ran) == ("STOPPED", [STOP])


def test_the_ledger_says_what_was_cancelled(quiet: Any) -> None:
    driver, node = quiet(timeoutMinutes=0.02)
    node.seconds_to_run = 600
    timed_out_stop(driver, node)
    [record] = driver.records("app")
    events = [one for one in driver.services.ledger.history(record.migration_id) if "cancelled" in one.event]
    assert [one.event for one in events] == ["quiesce cancelled"]
    assert events[0].detail["commandId"] == record.facts["quiesce"]["commandId"]
    assert events[0].detail["status"] == "Cancelled"


def test_a_cancel_that_is_refused_is_no_answer(quiet: Any) -> None:
    driver, node = quiet(timeoutMinutes=0.02)
    node.seconds_to_run = 600

    def refuse(**_: Any) -> Any:
        raise client_factory(driver.box)("ssm").exceptions.InternalServerError(
            {"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CancelCommand"
        )

    with pytest.raises(StepTimedOutError, match="cancel was refused"):
        with_ssm(driver, cancel_command=refuse).step("quiesce", "app")
    assert state(driver) == "STOP_UNKNOWN"


def test_a_stop_that_ended_at_the_last_moment_counts(quiet: Any) -> None:
    driver, node = quiet(timeoutMinutes=0.02)
    node.seconds_to_run = 600
    real = client_factory(driver.box)("ssm")

    def cancel(**_: Any) -> Any:
        node.seconds_to_run = 0
        real.list_commands()

    assert with_ssm(driver, cancel_command=cancel).step("quiesce", "app")["quiesced"]
    assert state(driver) == "STOPPED"


# The node must be the source


def other_node(node: Node) -> None:
    node.computer_name, node.ip_address = "another.corp.example.com", "10.99.0.1"


def other_address(node: Node) -> None:
    node.ip_address = "10.99.0.1"


def offline(node: Node) -> None:
    node.ping_status = "ConnectionLost"


def windows(node: Node) -> None:
    node.platform = "Windows"


@pytest.mark.parametrize("change", [other_node, other_address, offline, windows])
def test_nothing_is_sent_to_a_node_that_is_not_the_source(quiet: Any, change: Callable[[Node], None]) -> None:
    driver, node = quiet()
    change(node)
    with pytest.raises(TargetNotProvenError):
        driver.step("quiesce", "app")
    assert "quiesce" not in driver.records("app")[0].facts
    assert not statuses(driver, node)


@pytest.mark.parametrize("change", [other_node, offline])
def test_an_undo_is_not_sent_to_a_node_that_is_not_the_source(quiet: Any, change: Callable[[Node], None]) -> None:
    driver, node = quiet()
    driver.step("quiesce", "app")
    before = (node.computer_name, node.ip_address)
    change(node)
    with pytest.raises(FrozenError, match="may not be sent"):
        driver.roll_back("app")
    assert (state(driver), node.ran) == ("UNDO_INTENDED", [STOP])
    (node.computer_name, node.ip_address), node.ping_status = before, "Online"
    driver.roll_back("app")
    assert (state(driver), node.ran) == ("STARTED", [STOP, START])


def test_a_document_that_the_installation_does_not_allow(quiet: Any) -> None:
    driver, node = quiet(documentName="AWS-RunDocument")
    with pytest.raises(TargetNotProvenError, match="MIGRATION_OPS_SSM_DOCUMENTS"):
        driver.step("quiesce", "app")
    assert not statuses(driver, node)


def test_where_no_document_is_demanded_each_may_be_used(quiet: Any) -> None:
    driver, node = quiet()
    settings = replace(driver.services.settings, ssm_documents="")
    driver = replace(driver, services=replace(driver.services, settings=settings))
    assert problems(Policy.of(settings), driver.plan.conf, "somebody") == []
    driver.step("quiesce", "app")
    assert node.ran == [STOP]


def test_a_windows_server_has_its_own_document_and_commands(quiet: Any) -> None:
    own = {"windowsCommands": ["Stop-Service App"], "windowsUndoCommands": ["Start-Service App"]}
    driver, node = quiet({"os": "Microsoft Windows Server 2019 Standard"}, **own)
    driver.step("quiesce", "app")
    driver.roll_back("app")
    assert node.ran == [["Stop-Service App"], ["Start-Service App"]]
    used = {one.document for one in kept(driver.box.account_id, driver.box.region)[1].values() if one.node is node}
    assert used == {"AWS-RunPowerShellScript"}


def test_what_a_command_wrote_is_shown_without_secrets(quiet: Any) -> None:
    driver, node = quiet()
    node.ends_as, node.error_output = (
        "Failed",
        "login failed: password=hunter2hunter2 https://u:s3cretpw@h/?token=abcdef123456",
    )
    with pytest.raises(StepFailedError) as failed:
        driver.step("quiesce", "app")
    [record] = driver.records("app")
    lines = driver.services.ledger.history(record.migration_id)
    for text in (str(failed.value), str(failed.value.as_document()), str(record), str(lines)):
        assert not any(one in text for one in ("hunter2", "s3cretpw", "abcdef123456"))
    assert "login failed" in str(failed.value)


def test_a_source_that_is_stopped_is_no_clean_end(quiet: Any) -> None:
    driver, _ = quiet()
    driver.step("quiesce", "app")
    with pytest.raises(GoalMissedError):
        driver.step("close", "app")
    assert driver.phases("app") == {"FROZEN"}
    assert "not started again" in str(driver.records("app")[0].error_message)


def test_ssm_that_refuses_stops_the_step(quiet: Any) -> None:
    driver, node = quiet()
    real = client_factory(driver.box)("ssm")

    def send(**request: Any) -> Any:
        return real.send_command(**{**request, "InstanceIds": ["mi-" + "0" * 17]})

    with pytest.raises(MigrationError, match="SendCommand"):
        with_ssm(driver, send_command=send).step("quiesce", "app")
    assert (state(driver), driver.phases("app")) == ("INTENDED", {"READY"})
    driver.step("quiesce", "app")
    assert node.ran == [STOP]


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
    driver, node = quiet()
    inputs = prepare(driver)
    with pytest.raises(error):
        driver.step("quiesce", "app", **inputs)
    assert "quiesce" not in driver.records("app")[0].facts
    assert not statuses(driver, node)


def test_a_wave_that_stopped_stops_no_source(wave: Any) -> None:
    ready = {"servers": 1, "state": "READY_FOR_CUTOVER"}
    driver = wave(ready | {"appName": "app"}, ready | {"appName": "core", "impact": "critical"})
    targets = {server: node_id_of(server) for app in ("app", "core") for server in driver.servers(app)}
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


def test_a_start_that_took_effect_late_is_seen_before_the_launch(quiet: Any) -> None:
    """The rollback's start was sent twice, as its first answer was lost; the first one comes when all is stopped."""
    driver, node = quiet()
    driver.step("quiesce", "app")
    driver.roll_back("app")
    [record] = driver.records("app")
    token = record.facts["quiesce"]["token"]
    driver.pass_go_no_go()
    driver.step("quiesce", "app")
    client_factory(driver.box)("ssm").send_command(
        InstanceIds=[node_id_of(record.source_server_id)],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": START},
        Comment=f"undo of quiesce {token}",
    )
    with pytest.raises(NotQuiescedError, match="a start command took effect"):
        driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 0)
    driver.step("quiesce", "app")
    driver.step("cutover", "app")
    assert [command for command, _ in statuses(driver, node)][-1] == STOP[0]
