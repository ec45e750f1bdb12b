"""What a wait shows of a subject: its verdict, its reason and its view, for each state that a poll can see."""

from __future__ import annotations

from typing import Any

import pytest

from migration_ops.core.states import Phase
from migration_ops.wave.waits.conditions import ABSENCES_UNTIL_FAILED, condition_for
from migration_ops.wave.waits.outcome import Reason, Topic
from tests.wave.builders import BOOTED, INSTANCE, instance, job, server_id

ONE = server_id(1)


def shown(topic: Topic, until: dict[str, Any], observation: Any, now: float = 0.0) -> dict[str, Any]:
    """The first poll's document of the one subject."""
    found = condition_for(topic, until, [ONE], clock=lambda: now).observe({ONE: observation})
    return found.observed[ONE]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("STARTED", "the job is still running (STARTED)"),
        ("NEW_ONE", "the job is status NEW_ONE"),
        (None, "the job is status None"),
        ("COMPLETED", "the job is over"),
    ],
)
def test_a_job_is_shown_with_its_status(status: Any, words: str) -> None:
    assert shown(Topic.JOBS, {}, job(status))["reason"] == words


BOOT = {"instances": {ONE: INSTANCE}}


def test_a_boot_is_shown_with_the_servers_view() -> None:
    found = shown(Topic.BOOT, BOOT, {"view": BOOTED, "instance": instance()})
    assert (found["verdict"], found["view"]["launched_instance_id"]) == ("OK", INSTANCE)
    lost = shown(Topic.BOOT, BOOT, {"view": None, "instance": instance("terminated")})
    assert (lost["verdict"], lost["view"]) == ("BLOCKED", None)


def test_a_server_that_mgn_stops_listing_ends_the_wait_though_its_instance_runs() -> None:
    condition = condition_for(Topic.BOOT, BOOT, [ONE])
    polls = [condition.observe({ONE: {"view": None, "instance": instance()}}).reason for _ in range(9)]
    assert polls[:ABSENCES_UNTIL_FAILED] == [None] * (ABSENCES_UNTIL_FAILED - 1) + [Reason.FAILED]


@pytest.mark.parametrize(
    ("phase", "verdict", "words"),
    [
        (Phase.READY, "BLOCKED", "is READY, not yet one of CUTOVER_VERIFIED, FINALIZED"),
        (Phase.FROZEN, "BLOCKED", "is FROZEN: no quota"),
        (Phase.FINALIZED, "OK", "is FINALIZED"),
        (None, "UNKNOWN", "the ledger gives no phase"),
    ],
)
def test_a_dependency_is_shown_with_its_phase(phase: Phase | None, verdict: str, words: str) -> None:
    until = {"reached": ["FINALIZED", "CUTOVER_VERIFIED"], "failed": ["FROZEN"]}
    found = shown(Topic.LEDGER, until, {"phase": phase, "reason": "no quota"})
    assert (found["verdict"], found["reason"]) == (verdict, words)


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        ("OPEN", "OK", "the change calendar is open"),
        ("CLOSED", "BLOCKED", "the change calendar is closed"),
        ("NEW_ONE", "UNKNOWN", "the change calendar is NEW_ONE"),
    ],
)
def test_a_calendar_is_shown_with_its_state(state: str, verdict: str, words: str) -> None:
    found = shown(Topic.CALENDAR, {}, state)
    assert (found["verdict"], found["reason"], found["view"]) == (verdict, words, {"state": state})


@pytest.mark.parametrize(
    ("now", "verdict", "words"),
    [
        (9.9, "BLOCKED", "the cutover window is not open yet"),
        (10.0, "OK", "the cutover window is open"),
        (19.9, "OK", "the cutover window is open"),
        (20.0, "BLOCKED", "the cutover window is over"),
        (99.0, "BLOCKED", "the cutover window is over"),
    ],
)
def test_a_window_is_shown_beside_its_calendars(now: float, verdict: str, words: str) -> None:
    condition = condition_for(Topic.CALENDAR, {"opens": 10.0, "closes": 20.0}, ["c"], clock=lambda: now)
    found = condition.observe({"c": "OPEN"}).observed["cutoverWindow"]
    assert (found["verdict"], found["reason"]) == (verdict, words)
