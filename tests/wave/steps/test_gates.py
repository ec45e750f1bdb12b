"""The gates before a launch: shut when in doubt, and read again right before the call."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from migration_ops.core.errors import MigrationError, StepFailedError, StepTimedOutError
from migration_ops.wave.permission import ApprovalVoidError, NotOnSheetError, WaveStoppedError, WindowClosedError
from migration_ops.wave.waits.outcome import Reason, Resumed, Topic
from tests.wave.steps.wave_driver import Driver, MgnProxy, client_factory, now_of

READY = {"appName": "app", "servers": 1, "state": "READY_FOR_CUTOVER"}
SHORT = {"finalSync": {"timeoutMinutes": 0.005}}


@pytest.fixture
def ready(wave: Any) -> Any:
    """Right before the cutover."""

    def make(*applications: dict[str, Any], **conf: Any) -> Driver:
        driver = wave(*(applications or (READY,)), **conf)
        driver.register()
        for one in driver.plan.applications:
            driver.step("test_launch", one.app_name)
        driver.pass_go_no_go()
        return driver

    return make


def assert_nothing_sent(driver: Driver, app: str = "app") -> None:
    driver.assert_jobs("START_CUTOVER", app, 0)
    assert driver.phases(app) == {"READY"}


# Before the test launch


def test_stopped_replication_fails_at_once(wave: Any, box: Any) -> None:
    driver = wave({"appName": "app", "servers": 2})
    driver.register()
    bad = driver.servers("app")[1]
    for state in ("STALLED", "STOPPED", "DISCONNECTED"):
        box.client.patch_server(bad, replicationState=state, error="UNSTABLE_NETWORK")
        wait = driver.advance("replication_ready", "app")
        first_poll = driver.wait(wait)
        with pytest.raises(StepFailedError, match=f"{bad}.*{state}") as failure:
            driver.advance("replication_ready", "app", first_poll)
        assert first_poll.reason is Reason.FAILED
        if state == "STALLED":
            assert "UNSTABLE_NETWORK" in str(failure.value)


def test_stalled_while_waiting_ends_the_wait(wave: Any, box: Any) -> None:
    driver = wave(replication={"samples": 1, "pollSeconds": 1, "timeoutMinutes": 1, "maxLagSeconds": 5})
    driver.register()
    [server] = driver.servers("app")
    box.client.patch_server(server, lagSeconds=100)
    wait = driver.advance("replication_ready", "app")
    box.client.patch_server(server, replicationState="STALLED")
    with pytest.raises(StepFailedError, match="STALLED"):
        driver.advance("replication_ready", "app", driver.wait(wait))


def test_replication_that_is_not_good_times_out(wave: Any, box: Any) -> None:
    driver = wave(replication={"samples": 1, "pollSeconds": 1, "timeoutMinutes": 0.005})
    driver.register()
    lagging, rescan = {"lagSeconds": 601}, {"lagSeconds": None, "replicationState": "RESCAN"}
    for patch in (lagging, rescan, {"replicationState": "PAUSED"}):
        box.client.patch_server(driver.servers("app")[0], **patch)
        with pytest.raises(StepTimedOutError):
            driver.step("replication_ready", "app")


def test_all_samples_in_a_row_are_wanted(wave: Any) -> None:
    driver = wave(replication={"samples": 4, "pollSeconds": 1, "timeoutMinutes": 1})
    driver.register()
    wait = driver.advance("replication_ready", "app")
    assert (wait.topic, wait.until["samples"]) == (Topic.REPLICATION, 4)
    assert driver.step("replication_ready", "app")["lagSeconds"] == {driver.servers("app")[0]: 0.0}


# The final gate


SHUT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"lagSeconds": 61}, {"lagSeconds": None}),
    ({"lagSeconds": 0, "backloggedBytes": 1}, {"lagSeconds": None}),
    ({"lifecycleState": "READY_FOR_TEST"}, {"lifecycleState": "READY_FOR_CUTOVER"}),
    ({"isArchived": True}, {"isArchived": False}),
    ({"replicationState": "RESCAN"}, {"replicationState": "CONTINUOUS"}),
    ({"replicationState": "STALLED"}, {"replicationState": "CONTINUOUS"}),
]


def test_the_final_gate_stays_shut_and_nothing_is_sent(ready: Any, box: Any) -> None:
    """What shuts it, and what opens it again; at the end it does open."""
    driver = ready(**SHORT)
    [server] = driver.servers("app")
    for shut, opened in SHUT:
        box.client.patch_server(server, **shut)
        with pytest.raises(StepFailedError):
            raise AssertionError(f"{shut}: {driver.step('cutover', 'app')}")
        assert_nothing_sent(driver)
        box.client.patch_server(server, **opened)
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app")


def test_what_mgn_does_not_say_keeps_the_final_gate_shut(ready: Any) -> None:
    driver = ready(**SHORT)
    hook = driver.services.mgn

    for unknown in ("lag_seconds", "backlog_bytes", "replication_state", "lifecycle_state", "is_archived"):

        def describe(ids: Any, member: str = unknown) -> Any:
            return {key: replace(view, **{member: None}) for key, view in hook.describe_servers(ids).items()}

        blind = replace(driver, services=replace(driver.services, mgn=MgnProxy(hook, describe_servers=describe)))
        with pytest.raises(StepTimedOutError):
            raise AssertionError(f"{unknown}: {blind.step('cutover', 'app')}")
        assert_nothing_sent(driver)


def test_a_lag_spike_is_waited_out(ready: Any, box: Any) -> None:
    driver = ready()
    [server] = driver.servers("app")
    box.client.patch_server(server, lagSeconds=500)
    wait = driver.advance("cutover", "app")
    assert (wait.topic, wait.until["final"], wait.until["maxLagSeconds"]) == (Topic.REPLICATION, True, 60)
    box.client.patch_server(server, lagSeconds=None)
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app")


def test_the_gate_is_read_again_after_the_wait(ready: Any, box: Any) -> None:
    """The wait saw it open; by the time the task runs the lag is back."""
    driver = ready()
    [server] = driver.servers("app")
    box.client.patch_server(server, lagSeconds=500)
    wait = driver.advance("cutover", "app")
    met = Resumed(Reason.MET, {server: {"verdict": "OK", "reason": "", "view": None}}, wait.carry)
    again = driver.advance("cutover", "app", met)
    assert again.topic is Topic.REPLICATION
    assert again.deadline == wait.deadline
    assert_nothing_sent(driver)


def test_the_lag_at_the_cutover_is_kept(ready: Any, box: Any) -> None:
    driver = ready()
    box.client.patch_server(driver.servers("app")[0], lagSeconds=7, backloggedBytes=0)
    driver.step("cutover", "app")
    assert [record.replication_lag_seconds for record in driver.records("app")] == [7.0]


def test_somebody_elses_cutover_is_not_reverted(ready: Any, box: Any) -> None:
    driver = ready()
    driver.services.mgn.start_cutover(driver.servers("app"), {})
    box.client.advance(3600)
    with pytest.raises(StepFailedError, match="somebody else"):
        driver.step("cutover", "app")
    assert driver.states("app") == {"CUTTING_OVER"}
    assert len(driver.instances("app")) == 1


# Approval and sheet


VOID: dict[str, dict[str, Any]] = {
    "none": {"approval": None},
    "rejected": {"approval": {"approved": False}},
    "plan changed": {"approval": {"approved": True, "planHash": "other"}},
    "other sheet": {"approval": {"approved": True, "sheetDigest": "other"}},
    "not a yes": {"approval": {"approved": "yes"}},
    "sheet changed": {"sheet": {"ready": ["app"], "digest": "new"}},
    "no digest": {"sheet": {"ready": ["app"]}},
}


@pytest.mark.parametrize("which", ["cutover", "finalize"])
def test_a_void_approval_sends_nothing(ready: Any, which: str) -> None:
    driver = ready()
    if which == "finalize":
        driver.step("cutover", "app")
        driver.step("cutover_verify", "app")
        driver.results["soak"] = driver.results["go_no_go"]
    good = driver.approve(driver.results["go_no_go"])
    for why, change in VOID.items():
        given = {name: good | one if name == "approval" and one else one for name, one in change.items()}
        with pytest.raises(ApprovalVoidError):
            raise AssertionError(f"{why}: {driver.step(which, 'app', **given)}")
    assert driver.states("app") == {"READY_FOR_CUTOVER" if which == "cutover" else "CUTTING_OVER"}
    driver.assert_jobs("START_CUTOVER", "app", 0 if which == "cutover" else 1)


def test_without_approvals_in_the_conf_none_is_wanted(ready: Any) -> None:
    driver = ready(approvals={"cutover": False, "finalize": False})
    driver.step("cutover", "app", approval=None)
    driver.assert_jobs("START_CUTOVER", "app")


def test_an_application_that_the_sheet_left_out_is_not_cut_over(ready: Any) -> None:
    driver = ready()
    sheet = {"ready": [], "excluded": {"app": "its test failed"}, "digest": "sheet"}
    with pytest.raises(NotOnSheetError, match="its test failed"):
        driver.step("cutover", "app", sheet=sheet, approval=driver.approve(sheet))
    assert_nothing_sent(driver)


# Window and calendars


def window(
    box: Any, opens: float | None = None, closes: float | None = None, calendars: tuple[str, ...] = ()
) -> dict[str, Any]:
    def at(seconds: float | None) -> str | None:
        return None if seconds is None else (now_of(box)() + timedelta(seconds=seconds)).isoformat()

    return {"cutoverWindow": {"opens": at(opens), "closes": at(closes), "changeCalendars": list(calendars)}}


def test_the_window_is_waited_for(ready: Any, box: Any) -> None:
    driver = ready(**window(box, opens=0.2, closes=120))
    early = replace(
        driver, services=replace(driver.services, now=lambda: driver.services.now() - timedelta(seconds=60))
    )
    with pytest.raises(WindowClosedError, match="opens at"):
        early.step("cutover", "app")
    assert early.advance("cutover_window", None).topic is Topic.CLOCK
    assert_nothing_sent(driver)
    driver.step("cutover_window")
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app")


def test_the_window_closes_right_before_the_launch(ready: Any, box: Any) -> None:
    driver = ready(**window(box, closes=60))
    driver.step("cutover_window")
    late = replace(driver, services=replace(driver.services, now=lambda: driver.services.now() + timedelta(seconds=61)))
    with pytest.raises(WindowClosedError, match="closed at"):
        late.step("cutover", "app")
    with pytest.raises(WindowClosedError):
        late.step("cutover_window")
    assert_nothing_sent(driver)


def with_calendar(driver: Driver, *answers: dict[str, Any] | str) -> Driver:
    """moto has no GetCalendarState: answers validated by botocore's model stand in, one per call."""
    client = driver.box.boto("ssm")
    stub = Stubber(client)
    for one in answers:
        if isinstance(one, str):
            stub.add_client_error("get_calendar_state", one)
        else:
            stub.add_response("get_calendar_state", one, {"CalendarNames": ["freeze"]})
    stub.activate()
    real = client_factory(driver.box)
    services = replace(driver.services, client=lambda name: client if name == "ssm" else real(name))
    return replace(driver, services=services)


def test_a_change_calendar_is_waited_for_and_asked_again_right_before(ready: Any, box: Any) -> None:
    driver = ready(**window(box, calendars=("freeze",)))
    opening = with_calendar(driver, {"State": "CLOSED"}, {"State": "CLOSED"}, {"State": "OPEN"}, {"State": "OPEN"})
    opening.step("cutover_window")
    assert opening.waits[-1].topic is Topic.CALENDAR
    closed = with_calendar(driver, {"State": "CLOSED"})
    with pytest.raises(WindowClosedError, match="change calendar"):
        closed.step("cutover", "app")
    assert_nothing_sent(driver)
    with_calendar(driver, {"State": "OPEN"}).step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app")


def test_a_calendar_that_does_not_say_open_is_not_open(ready: Any, box: Any) -> None:
    driver = ready(**window(box, calendars=("freeze",)))
    answers: tuple[Any, ...] = ({}, "InvalidDocument", "AccessDeniedException", "InternalServerError")
    for answer in answers:
        with pytest.raises(MigrationError, match=r"calendar|GetCalendarState"):
            with_calendar(driver, answer, answer).step("cutover", "app")
        assert_nothing_sent(driver)


# Failures elsewhere


def fail(driver: Driver, app: str) -> None:
    driver.box.client.add_fault("launchFailure", times=1, serverIds=driver.servers(app))
    with pytest.raises(StepFailedError):
        driver.step("cutover", app)


def two(impact: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return READY | {"appName": "other", "impact": impact}, READY


def test_a_failed_critical_sibling_stops_the_wave(ready: Any) -> None:
    driver = ready(*two("critical"))
    fail(driver, "other")
    with pytest.raises(WaveStoppedError, match="critical"):
        driver.step("cutover", "app")
    assert_nothing_sent(driver)
    driver.step("cutover", "other")  # the one that failed may fix itself
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app")


def test_a_failed_sibling_of_low_impact_does_not(ready: Any) -> None:
    driver = ready(*two("low"))
    fail(driver, "other")
    driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app")


def test_too_many_failures_stop_the_wave(ready: Any) -> None:
    driver = ready(*two("low"), failureThreshold=1)
    fail(driver, "other")
    with pytest.raises(WaveStoppedError, match="failureThreshold"):
        driver.step("cutover", "app")
    assert_nothing_sent(driver)


def test_a_critical_sibling_that_was_closed_stops_it_too(ready: Any) -> None:
    driver = ready(*two("critical"))
    fail(driver, "other")
    with pytest.raises(StepFailedError):
        driver.step("close", "other")
    with pytest.raises(WaveStoppedError):
        driver.step("go_no_go")
    with pytest.raises(WaveStoppedError):
        driver.step("cutover", "app")
    assert_nothing_sent(driver)


def test_a_launch_on_its_way_is_followed_whatever_the_gates_say(ready: Any, box: Any) -> None:
    driver = ready(*two("critical"))
    box.client.set_speed(0)
    driver.advance("cutover", "app")
    box.client.set_speed(20_000)
    box.client.add_fault("launchFailure", times=1, serverIds=driver.servers("other"))
    with pytest.raises(StepFailedError):
        driver.step("cutover", "other")
    driver.step("cutover", "app", approval=None)
    driver.assert_jobs("START_CUTOVER", "app")
    assert driver.phases("app") == {"CUTOVER_LAUNCHED"}
