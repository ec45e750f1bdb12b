"""The lag gate, the launch verdict, the boot verdict. What is not known never passes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.mgn.jobs import LAUNCH_FAILURE, LAUNCH_PENDING, STATUS_ACTIVE
from migration_ops.aws.mgn.states import (
    AFTER_FINALIZE,
    LAUNCHABLE_FOR_CUTOVER,
    LAUNCHABLE_FOR_TEST,
    LIFECYCLE_STATES,
    REPLICATION_READY,
    REPLICATION_TERMINAL,
    REPLICATION_WAITING,
    TERMINAL_FOR_WAVE,
    WAVE_CAN_START,
)
from migration_ops.core.verdict import GateResult, Verdict, worst
from migration_ops.wave.rules.boot import INSTANCE_GONE, INSTANCE_STOPPED, judge_only_instance
from migration_ops.wave.rules.replication import (
    STALE_SNAPSHOT,
    ReplicationLimits,
    boot_is_lost,
    judge_boot,
    judge_launch,
    judge_replication,
    replication_is_terminal,
)
from tests.wave.builders import BOOTED, HEALTHY, INSTANCE, LOG, event, instance, job, model_shapes, server_id

LIMITS = ReplicationLimits(max_lag_seconds=60, lifecycle=LAUNCHABLE_FOR_CUTOVER)
OK, BLOCKED, UNKNOWN = Verdict.OK, Verdict.BLOCKED, Verdict.UNKNOWN


def replication(final: bool = False, **changes: Any) -> GateResult:
    return judge_replication(replace(HEALTHY, **changes), LIMITS, final=final)


def test_state_sets_are_the_models_and_do_not_overlap() -> None:
    shapes = model_shapes()
    assert set(shapes["DataReplicationState"]["enum"]) == REPLICATION_READY | REPLICATION_WAITING | REPLICATION_TERMINAL
    assert not REPLICATION_READY & REPLICATION_WAITING
    assert not (REPLICATION_READY | REPLICATION_WAITING) & REPLICATION_TERMINAL
    assert set(shapes["LifeCycleState"]["enum"]) == LIFECYCLE_STATES
    assert not WAVE_CAN_START & TERMINAL_FOR_WAVE
    assert {"CUTTING_OVER"} == LIFECYCLE_STATES - WAVE_CAN_START - TERMINAL_FOR_WAVE
    assert not AFTER_FINALIZE & WAVE_CAN_START
    assert LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER < WAVE_CAN_START


@pytest.mark.parametrize("final", [False, True])
def test_a_healthy_server_passes(final: bool) -> None:
    check = replication(final)
    assert (check.verdict, check.value, check.limit, check.subject) == (OK, 0.0, 60, server_id(1))


@pytest.mark.parametrize("state", sorted(REPLICATION_WAITING | REPLICATION_TERMINAL))
def test_only_continuous_replication_passes(state: str) -> None:
    check = replication(replication_state=state, replication_error="AGENT_NOT_SEEN", lag_seconds=None)
    assert check.verdict is BLOCKED
    assert state in check.reason
    assert "AGENT_NOT_SEEN" in check.reason


@pytest.mark.parametrize("state", sorted(LIFECYCLE_STATES - LAUNCHABLE_FOR_CUTOVER))
def test_a_lifecycle_state_that_is_not_asked_for_blocks(state: str) -> None:
    assert replication(lifecycle_state=state).verdict is BLOCKED


@pytest.mark.parametrize("state", sorted(LAUNCHABLE_FOR_TEST))
def test_states_that_a_test_may_start_from(state: str) -> None:
    limits = replace(LIMITS, lifecycle=LAUNCHABLE_FOR_TEST)
    assert judge_replication(replace(HEALTHY, lifecycle_state=state), limits).verdict is OK


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"lag_seconds": 60.0}, OK),
        ({"lag_seconds": 60.001}, BLOCKED),
        ({"lag_seconds": float("inf")}, BLOCKED),
        ({"lag_seconds": None}, UNKNOWN),
        ({"lag_seconds": float("nan")}, UNKNOWN),
        ({"lag_seconds": -1.0}, UNKNOWN),
        ({"replication_state": None}, UNKNOWN),
        ({"replication_state": "SOMETHING_NEW"}, UNKNOWN),
        ({"lifecycle_state": None}, UNKNOWN),
        ({"lifecycle_state": "SOMETHING_NEW"}, UNKNOWN),
        ({"is_archived": None}, UNKNOWN),
        ({"is_archived": True}, BLOCKED),
        ({"replication_error": "NOT_CONVERGING"}, BLOCKED),
        ({"lag_seconds": None, "is_archived": True}, BLOCKED),
        ({"backlog_bytes": None}, OK),
        ({"backlog_bytes": 5}, OK),
    ],
)
def test_the_first_gate(changes: dict[str, Any], verdict: Verdict) -> None:
    assert replication(**changes).verdict is verdict


@pytest.mark.parametrize(("backlog", "verdict"), [(0, OK), (1, BLOCKED), (None, UNKNOWN), (-1, UNKNOWN)])
def test_the_final_gate_wants_the_backlog_too(backlog: int | None, verdict: Verdict) -> None:
    assert replication(final=True, backlog_bytes=backlog).verdict is verdict


def test_a_backlog_limit_is_inclusive() -> None:
    limits = replace(LIMITS, max_backlogged_bytes=10)
    for backlog, verdict in ((10, OK), (11, BLOCKED)):
        assert judge_replication(replace(HEALTHY, backlog_bytes=backlog), limits, final=True).verdict is verdict


def test_a_limit_that_is_no_number_opens_nothing() -> None:
    limits = replace(LIMITS, max_lag_seconds=float("nan"))
    assert judge_replication(HEALTHY, limits).verdict is BLOCKED


def test_a_server_that_is_not_listed_is_unknown() -> None:
    assert judge_replication(None, LIMITS).verdict is UNKNOWN


@pytest.mark.parametrize("state", sorted(REPLICATION_READY | REPLICATION_WAITING | REPLICATION_TERMINAL))
def test_what_no_waiting_helps(state: str) -> None:
    view = replace(HEALTHY, replication_state=state)
    assert replication_is_terminal(view, LAUNCHABLE_FOR_CUTOVER) is (state in REPLICATION_TERMINAL)


@pytest.mark.parametrize("state", sorted(LIFECYCLE_STATES))
def test_lifecycle_states_that_no_waiting_helps(state: str) -> None:
    view = replace(HEALTHY, lifecycle_state=state)
    assert replication_is_terminal(view, LAUNCHABLE_FOR_CUTOVER) is (state in TERMINAL_FOR_WAVE)
    assert not replication_is_terminal(view, frozenset({state}))


def test_a_cutover_that_goes_on_ends_in_no_state_before_a_test() -> None:
    view = replace(HEALTHY, lifecycle_state="CUTTING_OVER")
    assert replication_is_terminal(view, LAUNCHABLE_FOR_TEST | LAUNCHABLE_FOR_CUTOVER)
    assert not replication_is_terminal(view, LAUNCHABLE_FOR_CUTOVER | {"CUTTING_OVER"})


def test_no_checks_are_unknown_and_blocked_beats_unknown() -> None:
    checks = [GateResult("a", "s", OK), GateResult("b", "s", UNKNOWN), GateResult("c", "s", BLOCKED)]
    assert [worst(checks[:size]) for size in range(4)] == [UNKNOWN, OK, UNKNOWN, BLOCKED]


# --- the launch job ---------------------------------------------------------------------------------------------------


def launch(view: Any = None, log: Any = LOG, **more: Any) -> GateResult:
    return judge_launch(view if view is not None else job(), [server_id(1)], log, **more)[server_id(1)]


CLEANUP = event("CLEANUP_FAIL", server_id(1), "OperationNotPermitted")


def test_a_cutover_that_left_an_earlier_instance_is_blocked_though_it_launched() -> None:
    check = launch(job(), [*LOG, CLEANUP])
    assert check.verdict is BLOCKED
    assert "CLEANUP_FAIL" in check.reason
    assert "OperationNotPermitted" in check.reason


def test_an_instance_that_was_left_is_named_by_its_id() -> None:
    named = CLEANUP | {"eventData": CLEANUP["eventData"] | {"targetInstanceID": "i-0left"}}
    assert "i-0left" in launch(job(), [*LOG, named]).reason


def test_a_test_that_left_an_earlier_instance_passes() -> None:
    assert launch(job(), [*LOG, CLEANUP], stale_is_failure=False).verdict is OK


def test_what_was_left_of_another_server_is_not_this_ones() -> None:
    assert launch(job(), [*LOG, event("CLEANUP_FAIL", server_id(2), "x")]).verdict is OK
    assert launch(job(), [*LOG, {"event": "CLEANUP_FAIL"}]).verdict is BLOCKED


@pytest.mark.parametrize(
    ("states", "verdict", "named"),
    [
        ({INSTANCE: "running"}, OK, ""),
        ({INSTANCE: "running", "i-2": "running"}, BLOCKED, "i-2 (running)"),
        ({INSTANCE: "running", "i-2": "pending"}, BLOCKED, "i-2 (pending)"),
        ({INSTANCE: "running", "i-2": "stopping", "i-3": "stopped"}, BLOCKED, "i-2 (stopping), i-3 (stopped)"),
        ({"i-2": "running"}, BLOCKED, "i-2 (running)"),
        ({}, UNKNOWN, INSTANCE),
    ],
)
def test_the_records_instance_is_the_only_one(states: dict[str, str], verdict: Verdict, named: str) -> None:
    check = judge_only_instance(server_id(1), INSTANCE, states)
    assert (check.verdict, check.limit) == (verdict, INSTANCE)
    assert named in check.reason


def test_a_launched_server_with_its_instance_passes() -> None:
    check = launch()
    assert check.verdict is OK
    assert INSTANCE in check.reason


@pytest.mark.parametrize("status", sorted(STATUS_ACTIVE))
def test_an_active_job_says_nothing_yet_whatever_its_servers_say(status: str) -> None:
    for launch_status in ("LAUNCHED", "FAILED", None):
        check = launch(job(status, launch_status))
        assert check.verdict is UNKNOWN
        assert "still running" in check.reason


@pytest.mark.parametrize(
    ("view", "verdict"),
    [
        *[(job(launch=one), BLOCKED) for one in sorted(LAUNCH_FAILURE)],
        *[(job(launch=one), UNKNOWN) for one in sorted(LAUNCH_PENDING)],
        (job(launch=None), UNKNOWN),
        (job(launch="SOMETHING_NEW"), UNKNOWN),
        (job(instance_ids={}), UNKNOWN),
        (job(launch_status={}), UNKNOWN),
        (job(status=None), UNKNOWN),
        (job(status="SOMETHING_NEW"), UNKNOWN),
        (job(type="TERMINATE"), BLOCKED),
        (job(type=None), OK),
    ],
)
def test_completed_is_not_success(view: Any, verdict: Verdict) -> None:
    assert launch(view).verdict is verdict


def test_a_job_that_is_not_listed_is_unknown() -> None:
    assert judge_launch(None, [server_id(1)], LOG)[server_id(1)].verdict is UNKNOWN


def test_a_failure_names_its_cause() -> None:
    log = [
        *LOG,
        event("LAUNCH_FAILED", server_id(1), "VPCIdNotSpecified"),
        event("LAUNCH_FAILED", server_id(2), "other"),
    ]
    reason = launch(job(launch="FAILED"), log).reason
    assert "VPCIdNotSpecified" in reason
    assert "other" not in reason


@pytest.mark.parametrize("name", ["SERVER_SKIPPED", "JOB_CANCEL"])
@pytest.mark.parametrize("status", ["PENDING", None])
def test_a_skipped_server_never_comes(name: str, status: str | None) -> None:
    assert launch(job(launch=status), [*LOG, event(name, server_id(1))]).verdict is BLOCKED
    assert launch(job(launch=status), [*LOG, event("SERVER_SKIPPED", server_id(2))]).verdict is UNKNOWN


@pytest.mark.parametrize("server", [server_id(1), None])
def test_an_old_snapshot_is_a_failure_of_a_cutover(server: str | None) -> None:
    log = [*LOG, event("USING_PREVIOUS_SNAPSHOT", server, "Launching from snapshot taken on Monday")]
    check = launch(log=log)
    assert (check.verdict, check.value) == (BLOCKED, STALE_SNAPSHOT)
    assert "Monday" in check.reason
    lenient = launch(log=log, stale_is_failure=False)
    assert (lenient.verdict, lenient.value) == (OK, STALE_SNAPSHOT)


def test_the_old_snapshot_of_another_server_is_not_ours() -> None:
    assert launch(log=[*LOG, event("USING_PREVIOUS_SNAPSHOT", server_id(2))]).verdict is OK


@pytest.mark.parametrize("log", [None, []])
def test_without_a_log_nobody_knows_the_snapshot(log: Any) -> None:
    assert launch(log=log).verdict is UNKNOWN
    assert launch(log=log, stale_is_failure=False).verdict is OK


def test_servers_of_one_job_are_judged_apart() -> None:
    view = job(launch_status={server_id(1): "LAUNCHED", server_id(2): "FAILED"})
    checks = judge_launch(view, [server_id(1), server_id(2), server_id(3)], LOG)
    assert [checks[server_id(one)].verdict for one in (1, 2, 3)] == [OK, BLOCKED, UNKNOWN]


@pytest.mark.parametrize("broken", [{"event": "JOB_START", "eventData": None}, {}, {"eventData": {}}])
def test_log_events_of_any_shape_are_read(broken: dict[str, Any]) -> None:
    assert launch(log=[broken]).verdict is OK


# --- the boot ---------------------------------------------------------------------------------------------------------


def boot(
    status: Any = "default", disposition: str = "STARTED", expected: str | None = INSTANCE, **changes: Any
) -> GateResult:
    found = instance() if status == "default" else status
    return judge_boot(replace(BOOTED, **changes), found, expected, launch_disposition=disposition)


def test_an_instance_that_is_up_passes() -> None:
    assert boot().verdict is OK


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"first_boot": "WAITING"}, UNKNOWN),
        ({"first_boot": "UNKNOWN"}, UNKNOWN),
        ({"first_boot": None}, UNKNOWN),
        ({"first_boot": "STOPPED"}, BLOCKED),
        ({"launched_instance_id": None}, UNKNOWN),
        ({"launched_instance_id": "i-0leftover"}, BLOCKED),
        ({"expected": None}, UNKNOWN),
        ({"expected": ""}, UNKNOWN),
        ({"expected": "i-0other"}, BLOCKED),
        ({"status": None}, UNKNOWN),
        ({"status": {}}, UNKNOWN),
        ({"status": {"state": "running"}}, UNKNOWN),
        ({"status": {"state": "terminated"}}, BLOCKED),
        ({"status": instance("pending")}, UNKNOWN),
        ({"status": instance() | {"InstanceId": "i-0leftover"}}, BLOCKED),
        ({"status": instance() | {"InstanceId": None}}, BLOCKED),
        ({"status": {key: value for key, value in instance().items() if key != "InstanceId"}}, UNKNOWN),
        ({"status": instance(AttachedEbsStatus={"Status": "impaired"})}, BLOCKED),
        ({"status": instance(AttachedEbsStatus={"Status": "ok"})}, OK),
    ],
)
def test_what_keeps_the_boot_gate_shut(changes: dict[str, Any], verdict: Verdict) -> None:
    assert boot(**changes).verdict is verdict


@pytest.mark.parametrize("which", ["instance_check", "system"])
@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("ok", OK),
        ("impaired", BLOCKED),
        ("initializing", UNKNOWN),
        ("insufficient-data", UNKNOWN),
        ("not-applicable", UNKNOWN),
    ],
)
def test_both_status_checks_count(which: str, status: str, verdict: Verdict) -> None:
    assert boot(instance(**{which: status})).verdict is verdict


@pytest.mark.parametrize("member", ["InstanceStatus", "SystemStatus", "InstanceState"])
def test_a_status_that_is_absent_is_unknown(member: str) -> None:
    assert boot({key: value for key, value in instance().items() if key != member}).verdict is UNKNOWN


@pytest.mark.parametrize("state", sorted(INSTANCE_GONE | INSTANCE_STOPPED))
def test_an_instance_that_does_not_run_blocks_and_is_lost(state: str) -> None:
    assert boot(instance(state)).verdict is BLOCKED
    assert boot_is_lost(BOOTED, instance(state), INSTANCE)
    assert boot_is_lost(BOOTED, {"state": state}, INSTANCE)


def test_a_server_that_mgn_does_not_list_has_not_booted() -> None:
    assert judge_boot(None, instance(), INSTANCE).verdict is UNKNOWN


@pytest.mark.parametrize(
    ("state", "first_boot", "verdict"),
    [
        ("stopped", "STOPPED", OK),
        ("stopped", "SUCCEEDED", OK),
        ("stopped", "WAITING", UNKNOWN),
        ("stopped", None, UNKNOWN),
        ("stopping", "STOPPED", UNKNOWN),
        ("terminated", "STOPPED", BLOCKED),
        ("running", "SUCCEEDED", OK),
        ("pending", "STOPPED", BLOCKED),
    ],
)
def test_a_launch_that_is_to_stay_stopped(state: str, first_boot: str | None, verdict: Verdict) -> None:
    assert boot(instance(state), "STOPPED", first_boot=first_boot).verdict is verdict


@pytest.mark.parametrize(
    ("view", "status", "expected", "disposition", "is_lost"),
    [
        (BOOTED, instance("terminated"), INSTANCE, "STOPPED", True),
        (BOOTED, instance("stopped"), INSTANCE, "STOPPED", False),
        (BOOTED, instance("terminated") | {"InstanceId": "i-0leftover"}, INSTANCE, "STARTED", False),
        (replace(BOOTED, first_boot="STOPPED"), instance(), INSTANCE, "STARTED", True),
        (replace(BOOTED, first_boot="STOPPED"), instance(), INSTANCE, "STOPPED", False),
        (replace(BOOTED, first_boot="STOPPED", launched_instance_id="i-0leftover"), None, INSTANCE, "STARTED", False),
        (replace(BOOTED, first_boot="STOPPED", launched_instance_id=None), None, None, "STARTED", False),
        (None, None, INSTANCE, "STARTED", False),
        (None, instance("terminated"), INSTANCE, "STARTED", True),
    ],
)
def test_when_waiting_for_a_boot_is_useless(
    view: Any, status: Any, expected: str | None, disposition: str, is_lost: bool
) -> None:
    assert boot_is_lost(view, status, expected, launch_disposition=disposition) is is_lost
