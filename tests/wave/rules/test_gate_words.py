"""What gates and verdicts say: subject, value, and the reason for what is absent; and states no other case reaches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.rules.boot import INSTANCE_GONE, INSTANCE_STOPPED, judge_boot
from migration_ops.wave.rules.failure import wave_stops
from migration_ops.wave.rules.launch import judge_launch
from migration_ops.wave.rules.replication import ReplicationLimits, judge_replication
from migration_ops.wave.rules.window import judge_window
from tests.wave.builders import BOOTED, HEALTHY, INSTANCE, LOG, NOW, event, instance, job, server_id

OK, BLOCKED, UNKNOWN = Verdict.OK, Verdict.BLOCKED, Verdict.UNKNOWN
LIMITS = ReplicationLimits(60, frozenset({"READY_FOR_CUTOVER"}))


# --- replication ------------------------------------------------------------------------------------------------------


def test_a_passed_gate_says_state_and_lag() -> None:
    assert judge_replication(HEALTHY, LIMITS).reason == "CONTINUOUS, lag 0 s"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lifecycle_state": None}, "lifecycle state is not given"),
        ({"lifecycle_state": "NEW_ONE"}, "lifecycle state is NEW_ONE"),
        ({"replication_state": None}, "replication state is not given"),
        ({"replication_state": "NEW_ONE"}, "replication state is NEW_ONE"),
    ],
)
def test_what_mgn_does_not_give_is_said(changes: dict[str, Any], words: str) -> None:
    check = judge_replication(replace(HEALTHY, **changes), LIMITS)
    assert (check.verdict, words in check.reason) == (UNKNOWN, True)


# --- the launch job ---------------------------------------------------------------------------------------------------


def launch(view: Any, log: Any = LOG, **more: Any) -> GateResult:
    return judge_launch(view, [server_id(1)], log, **more)[server_id(1)]


def test_a_launch_says_its_instance_its_job_and_its_snapshot() -> None:
    stale = [*LOG, event("USING_PREVIOUS_SNAPSHOT", server_id(1))]
    said = f"launched {INSTANCE} by mgnjob-00000000000000001"
    assert launch(job()).reason == said
    assert launch(job(), stale, stale_is_failure=False).reason == f"{said}; launched from an old snapshot"


@pytest.mark.parametrize("status", ["FAILED", "TERMINATED", None])
def test_only_a_launched_server_has_an_old_snapshot(status: str | None) -> None:
    stale = [*LOG, event("USING_PREVIOUS_SNAPSHOT", server_id(1))]
    assert launch(job(launch=status), stale).value == status
    assert launch(job(launch="LAUNCHED"), stale).value == "STALE_SNAPSHOT"


@pytest.mark.parametrize(
    ("view", "words"),
    [
        (job(status=None), "status of mgnjob-00000000000000001 is not given"),
        (job(status="NEW_ONE"), "status of mgnjob-00000000000000001 is NEW_ONE"),
        (job(launch=None), "the job is over, but launch status is not given"),
        (job(launch="NEW_ONE"), "the job is over, but launch status is NEW_ONE"),
        (job(launch_status={}), "mgnjob-00000000000000001 does not list this server"),
    ],
)
def test_what_a_job_does_not_say_is_said(view: Any, words: str) -> None:
    check = launch(view)
    assert (check.verdict, check.reason) == (UNKNOWN, words)


@pytest.mark.parametrize(
    "name", ["SNAPSHOT_FAIL", "CONVERSION_FAIL", "LAUNCH_FAILED", "CLEANUP_FAIL", "SERVER_SKIPPED", "JOB_CANCEL"]
)
def test_a_failed_launch_names_each_kind_of_cause(name: str) -> None:
    log = [*LOG, event(name, server_id(1), "why")]
    assert launch(job(launch="FAILED"), log).reason == f"launch status is FAILED; {name}: why"


def test_what_is_no_cause_is_not_named() -> None:
    log = [*LOG, event("SNAPSHOT_START", server_id(1), "why")]
    assert launch(job(launch="FAILED"), log).reason == "launch status is FAILED"


def test_only_what_was_left_behind_is_named_by_its_instance() -> None:
    left = {"sourceServerID": server_id(1), "targetInstanceID": "i-0left"}
    named = [{"event": "CLEANUP_FAIL", "eventData": left}, {"event": "LAUNCH_FAILED", "eventData": left}]
    assert launch(job(launch="FAILED"), named).reason == (
        "launch status is FAILED; CLEANUP_FAIL of i-0left; LAUNCH_FAILED"
    )
    unnamed = [{"event": "CLEANUP_FAIL", "eventData": {"sourceServerID": server_id(1)}}]
    assert launch(job(launch="FAILED"), unnamed).reason == "launch status is FAILED; CLEANUP_FAIL"


# --- the boot ---------------------------------------------------------------------------------------------------------


def test_instances_that_are_gone_or_stopped() -> None:
    assert {"shutting-down", "terminated"} == INSTANCE_GONE
    assert {"stopping", "stopped"} == INSTANCE_STOPPED


def test_a_boot_names_its_server_and_its_instance() -> None:
    check = judge_boot(BOOTED, instance(), INSTANCE)
    assert (check.subject, check.value, check.limit) == (server_id(1), INSTANCE, INSTANCE)
    absent = judge_boot(None, instance(), INSTANCE)
    assert (absent.subject, absent.value, absent.limit) == ("?", None, INSTANCE)


@pytest.mark.parametrize(
    ("view", "expected", "verdict"),
    [
        (replace(BOOTED, launched_instance_id="i-0leftover"), INSTANCE, BLOCKED),
        (BOOTED, "i-0other", BLOCKED),
        (replace(BOOTED, launched_instance_id=None), INSTANCE, UNKNOWN),
        (BOOTED, None, UNKNOWN),
        (None, INSTANCE, UNKNOWN),
        (BOOTED, INSTANCE, OK),
    ],
)
def test_a_launch_that_stays_stopped_is_of_our_job_too(view: Any, expected: str | None, verdict: Verdict) -> None:
    assert judge_boot(view, instance("stopped"), expected, launch_disposition="STOPPED").verdict is verdict


@pytest.mark.parametrize(
    ("status", "changes", "disposition", "words"),
    [
        (instance(), {"first_boot": None}, "STARTED", "first boot is not reported"),
        (instance(), {"first_boot": "WAITING"}, "STARTED", "first boot is WAITING"),
        (instance("stopped"), {"first_boot": None}, "STOPPED", "first boot is not reported"),
        (instance("stopped"), {"first_boot": "WAITING"}, "STOPPED", "first boot is WAITING"),
        (None, {}, "STARTED", "the instance is not listed by EC2"),
        (instance("pending"), {}, "STARTED", "the instance is pending"),
        (instance() | {"SystemStatus": None}, {}, "STARTED", "system status is not given"),
        (instance(system="initializing"), {}, "STARTED", "system status is initializing"),
    ],
)
def test_what_a_boot_lacks_is_said(status: Any, changes: dict[str, Any], disposition: str, words: str) -> None:
    check = judge_boot(replace(BOOTED, **changes), status, INSTANCE, launch_disposition=disposition)
    assert (check.verdict, check.reason) == (UNKNOWN, words)


# --- the wave and its window ------------------------------------------------------------------------------------------


def test_several_critical_failures_are_named_as_such() -> None:
    assert wave_stops([("critical", True)] * 2, None) == "2 critical applications failed"


@pytest.mark.parametrize(
    ("opens", "closes", "words"),
    [
        (None, None, "no window is set"),
        (NOW, None, "the window is open"),
        (None, NOW.replace(year=2030), "the window is open"),
    ],
)
def test_a_window_says_whether_there_is_one(opens: Any, closes: Any, words: str) -> None:
    assert judge_window(opens, closes, NOW).check.reason == words
