"""What ends a wait, poll after poll. A read that failed is never good and never a failure."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from migration_ops.aws.mgn.jobs import STATUS_ACTIVE
from migration_ops.aws.mgn.states import REPLICATION_TERMINAL, REPLICATION_WAITING, TERMINAL_FOR_WAVE
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import CUT_OVER, Phase
from migration_ops.wave.rules.boot import INSTANCE_GONE, INSTANCE_STOPPED
from migration_ops.wave.waits.conditions import ABSENCES_UNTIL_FAILED, CONDITIONS, ApiError, condition_for
from migration_ops.wave.waits.outcome import Reason, Topic
from tests.wave.builders import BOOTED, HEALTHY, INSTANCE, instance, job, server_id

ONE, TWO = server_id(1), server_id(2)
OTHER = replace(HEALTHY, source_server_id=TWO)
LAGGING = replace(HEALTHY, lag_seconds=1_000.0)
REPLICATION = {"maxLagSeconds": 600, "samples": 3, "lifecycle": ["READY_FOR_CUTOVER"]}
BROKEN = ApiError("ThrottlingException")


def replication(subjects: tuple[str, ...] = (), **until: Any) -> Any:
    return condition_for(Topic.REPLICATION, REPLICATION | until, subjects)


def reasons(condition: Any, *polls: dict[str, Any]) -> list[Reason | None]:
    return [condition.observe(poll).reason for poll in polls]


def test_every_topic_has_a_condition() -> None:
    assert set(CONDITIONS) == set(Topic)


def test_good_samples_must_follow_each_other() -> None:
    good, bad = {ONE: HEALTHY}, {ONE: LAGGING}
    assert reasons(replication(), good, good, good) == [None, None, Reason.MET]
    assert reasons(replication(), good, good, bad, good, good, good) == [None] * 5 + [Reason.MET]


@pytest.mark.parametrize("gap", [None, BROKEN, LAGGING, replace(HEALTHY, lag_seconds=None)])
def test_whatever_is_not_good_starts_the_count_again(gap: Any) -> None:
    good = {ONE: HEALTHY}
    assert reasons(replication(), good, good, {ONE: gap}, good, good, good) == [None] * 5 + [Reason.MET]


def test_all_servers_must_be_good_in_the_same_polls() -> None:
    first, second = {ONE: HEALTHY, TWO: LAGGING}, {ONE: LAGGING, TWO: OTHER}
    both = {ONE: HEALTHY, TWO: OTHER}
    assert reasons(replication(samples=2), first, second, first, second, both, both) == [None] * 5 + [Reason.MET]


def test_a_server_that_a_poll_leaves_out_is_not_forgotten() -> None:
    condition = replication(samples=1)
    assert reasons(condition, {ONE: HEALTHY, TWO: LAGGING}, {ONE: HEALTHY}) == [None, None]
    known = replication((ONE, TWO), samples=1)
    assert reasons(known, {ONE: HEALTHY}, {ONE: HEALTHY, TWO: OTHER}) == [None, Reason.MET]


def test_a_server_that_polls_leave_out_is_unread_not_absent() -> None:
    known = replication((ONE,), samples=1)
    assert set(reasons(known, *[{}] * 2 * ABSENCES_UNTIL_FAILED)) == {None}
    assert known.observe({}).observed[ONE]["reason"] == "could not be read: not read in this poll"


def test_no_servers_at_all_are_never_good() -> None:
    assert reasons(replication(samples=1), {}, {}, {}) == [None] * 3


@pytest.mark.parametrize("state", sorted(REPLICATION_TERMINAL))
def test_a_terminal_state_ends_the_wait_with_the_reason(state: str) -> None:
    stuck = replace(OTHER, replication_state=state, replication_error="AGENT_NOT_SEEN", lag_seconds=None)
    judgement = replication().observe({ONE: HEALTHY, TWO: stuck})
    assert judgement.reason is Reason.FAILED
    assert judgement.observed[ONE]["verdict"] == "OK"
    assert judgement.observed[TWO]["verdict"] == "BLOCKED"
    assert f"{state}: AGENT_NOT_SEEN" in judgement.observed[TWO]["reason"]
    assert judgement.observed[TWO]["view"] == stuck.as_document()


@pytest.mark.parametrize("state", sorted(TERMINAL_FOR_WAVE))
def test_a_lifecycle_state_out_of_reach_ends_the_wait(state: str) -> None:
    assert reasons(replication(), {ONE: replace(HEALTHY, lifecycle_state=state)}) == [Reason.FAILED]


def test_an_archived_server_ends_the_wait() -> None:
    assert reasons(replication(), {ONE: replace(HEALTHY, is_archived=True)}) == [Reason.FAILED]


@pytest.mark.parametrize("state", sorted(REPLICATION_WAITING))
def test_a_waiting_state_waits(state: str) -> None:
    assert reasons(replication(samples=1), {ONE: replace(HEALTHY, replication_state=state)}) == [None]


def test_the_final_gate_waits_for_the_backlog() -> None:
    behind, level = replace(HEALTHY, backlog_bytes=11), replace(HEALTHY, backlog_bytes=10)
    condition = replication(samples=1, final=True, maxBackloggedBytes=10)
    assert reasons(condition, {ONE: behind}, {ONE: replace(HEALTHY, backlog_bytes=None)}, {ONE: level}) == [
        None, None, Reason.MET,
    ]  # fmt: skip
    assert reasons(replication(samples=1, final=True), {ONE: level}) == [None]


def subject_of(topic: Topic) -> tuple[Any, str, Any]:
    """A condition, its subject and an observation that would meet it."""
    if topic is Topic.REPLICATION:
        return replication(samples=1), ONE, HEALTHY
    if topic is Topic.JOBS:
        return condition_for(topic, {}), "mgnjob-1", job()
    if topic is Topic.BOOT:
        return boot(), ONE, up()
    if topic is Topic.LEDGER:
        return ledger(), "mig-1", {"phase": "FINALIZED"}
    return condition_for(topic, {}), "cal", "OPEN"


WITH_SUBJECTS = [topic for topic in Topic if topic is not Topic.CLOCK]


@pytest.mark.parametrize("topic", WITH_SUBJECTS)
def test_reads_that_fail_never_end_a_wait(topic: Topic) -> None:
    condition, subject, good = subject_of(topic)
    for _ in range(4 * ABSENCES_UNTIL_FAILED):
        judgement = condition.observe({subject: BROKEN})
        assert judgement.reason is None
        assert judgement.observed[subject]["verdict"] == "UNKNOWN"
        assert "ThrottlingException" in judgement.observed[subject]["reason"]
    assert condition.observe({subject: good}).reason is Reason.MET


@pytest.mark.parametrize("topic", [Topic.REPLICATION, Topic.JOBS, Topic.BOOT])
def test_what_stays_away_ends_the_wait(topic: Topic) -> None:
    condition, subject, _ = subject_of(topic)
    absent = [{subject: None}] * (ABSENCES_UNTIL_FAILED - 1)
    assert reasons(condition, *absent, {subject: BROKEN}, {subject: None}) == [None] * ABSENCES_UNTIL_FAILED + [
        Reason.FAILED
    ]


@pytest.mark.parametrize("topic", [Topic.REPLICATION, Topic.JOBS, Topic.BOOT])
def test_what_comes_back_was_never_away(topic: Topic) -> None:
    condition, subject, good = subject_of(topic)
    absent = [{subject: None}] * (ABSENCES_UNTIL_FAILED - 1)
    assert set(reasons(condition, *absent)) == {None}
    assert condition.observe({subject: good}).reason is Reason.MET
    assert set(reasons(condition, *absent)) == {None}


@pytest.mark.parametrize("topic", [Topic.LEDGER, Topic.CALENDAR])
def test_a_record_or_calendar_that_is_not_there_yet_is_waited_for(topic: Topic) -> None:
    condition, subject, good = subject_of(topic)
    assert set(reasons(condition, *[{subject: None}] * 3 * ABSENCES_UNTIL_FAILED)) == {None}
    assert condition.observe({subject: good}).reason is Reason.MET


@pytest.mark.parametrize("topic", WITH_SUBJECTS)
def test_observed_documents_are_plain_json(topic: Topic) -> None:
    condition, subject, good = subject_of(topic)
    for observation in (good, None, BROKEN):
        observed = condition.observe({subject: observation}).observed[subject]
        assert {"verdict", "reason", "view"} <= set(observed)
        assert json.loads(json.dumps(observed)) == observed


def test_jobs_are_over_when_all_are() -> None:
    condition = condition_for(Topic.JOBS, {})
    running, done = job("STARTED"), job()
    assert reasons(condition, {"a": running, "b": done}, {"a": done, "b": done}) == [None, Reason.MET]


@pytest.mark.parametrize("status", [*sorted(STATUS_ACTIVE), None, "SOMETHING_NEW"])
def test_a_job_that_is_not_completed_is_waited_for(status: Any) -> None:
    assert reasons(condition_for(Topic.JOBS, {}), {"a": job(status)}) == [None]


def boot(disposition: dict[str, str] | None = None) -> Any:
    return condition_for(Topic.BOOT, {"instances": {ONE: INSTANCE}, "launchDisposition": disposition or {}})


def up(status: Any = None, **changes: Any) -> dict[str, Any]:
    return {"view": replace(BOOTED, **changes), "instance": status or instance()}


@pytest.mark.parametrize(
    ("observation", "reason"),
    [
        (up(), Reason.MET),
        (up(first_boot="WAITING"), None),
        (up(first_boot="STOPPED"), Reason.FAILED),
        (up(instance(instance_check="impaired")), None),
        (up(instance(system="initializing")), None),
        (up(launched_instance_id="i-0leftover"), None),
        (up(instance("terminated") | {"InstanceId": "i-0leftover"}), None),
        *[(up(instance(state)), Reason.FAILED) for state in sorted(INSTANCE_GONE | INSTANCE_STOPPED)],
        ({"view": BOOTED, "instance": None}, None),
        ({"view": None, "instance": instance()}, None),
        ({"view": None, "instance": instance("terminated")}, Reason.FAILED),
        ({"view": BROKEN, "instance": instance("terminated")}, None),
        ({"view": BOOTED, "instance": BROKEN}, None),
    ],
)
def test_boot(observation: dict[str, Any], reason: Reason | None) -> None:
    assert boot().observe({ONE: observation}).reason is reason


def test_an_instance_that_is_to_stay_stopped_is_up_when_it_is() -> None:
    stopped = up(instance("stopped"), first_boot="STOPPED")
    assert boot({ONE: "STOPPED"}).observe({ONE: stopped}).reason is Reason.MET
    assert boot({ONE: "STOPPED"}).observe({ONE: up(instance("terminated"))}).reason is Reason.FAILED


def test_every_instance_that_is_waited_for_must_be_seen() -> None:
    condition = condition_for(Topic.BOOT, {"instances": {ONE: INSTANCE, TWO: "i-0bbb"}})
    assert condition.observe({ONE: up()}).reason is None


def test_dates_of_ec2_do_not_reach_the_event() -> None:
    status = instance() | {"Events": [{"NotBefore": datetime(2026, 1, 1, tzinfo=UTC)}]}
    observed = boot().observe({ONE: up(status)}).observed[ONE]
    assert observed["instance"] == {
        "instanceId": INSTANCE,
        "state": "running",
        "instanceStatus": "ok",
        "systemStatus": "ok",
    }


def ledger(**until: Any) -> Any:
    failed = [Phase.FAILED, Phase.FROZEN, Phase.ROLLED_BACK, Phase.ROLLING_BACK]
    return condition_for(Topic.LEDGER, {"reached": sorted(CUT_OVER), "failed": failed} | until)


@pytest.mark.parametrize("phase", list(Phase))
def test_a_dependency_is_reached_failed_or_waited_for(phase: Phase) -> None:
    judgement = ledger().observe({"mig-1": {"phase": phase.value, "status": "X", "reason": "disk full"}})
    expected = (
        Reason.MET
        if phase in CUT_OVER
        else Reason.FAILED
        if phase in {Phase.FAILED, Phase.FROZEN, Phase.ROLLED_BACK, Phase.ROLLING_BACK}
        else None
    )
    assert judgement.reason is expected
    assert ("disk full" in judgement.observed["mig-1"]["reason"]) is (expected is Reason.FAILED)


def test_one_failed_migration_of_a_dependency_is_enough() -> None:
    observed = {"mig-1": {"phase": "FINALIZED"}, "mig-2": {"phase": "FROZEN"}, "mig-3": {"phase": "READY"}}
    assert ledger().observe(observed).reason is Reason.FAILED


def test_a_record_without_a_phase_is_unknown() -> None:
    judgement = ledger().observe({"mig-1": {"status": "COMPLETED"}})
    assert (judgement.reason, judgement.observed["mig-1"]["verdict"]) == (None, "UNKNOWN")


@pytest.mark.parametrize(("now", "reason"), [(99.9, None), (100.0, Reason.MET), (200.0, Reason.MET)])
def test_clock(now: float, reason: Reason | None) -> None:
    assert condition_for(Topic.CLOCK, {"at": 100}, clock=lambda: now).observe({}).reason is reason


@pytest.mark.parametrize(
    ("until", "calendars", "now", "reason"),
    [
        ({}, {"a": "OPEN", "b": "OPEN"}, 0, Reason.MET),
        ({}, {"a": "OPEN", "b": "CLOSED"}, 0, None),
        ({}, {"a": "OPEN", "b": None}, 0, None),
        ({}, {"a": "SOMETHING_NEW"}, 0, None),
        ({}, {}, 0, None),
        ({"opens": 10, "closes": 20}, {}, 9, None),
        ({"opens": 10, "closes": 20}, {}, 10, Reason.MET),
        ({"opens": 10, "closes": 20}, {}, 19.9, Reason.MET),
        ({"opens": 10, "closes": 20}, {}, 20, Reason.FAILED),
        ({"opens": 10}, {"a": "OPEN"}, 9, None),
        ({"opens": 10}, {"a": "CLOSED"}, 11, None),
        ({"closes": 20}, {"a": "OPEN"}, 20, Reason.FAILED),
        ({"closes": 20}, {"a": "CLOSED"}, 25, Reason.FAILED),
        ({"opens": None, "closes": None}, {"a": "OPEN"}, 25, Reason.MET),
    ],
)
def test_calendar_and_window(until: dict[str, Any], calendars: dict[str, Any], now: float, reason: Any) -> None:
    assert condition_for(Topic.CALENDAR, until, clock=lambda: now).observe(calendars).reason is reason


def test_a_calendar_that_was_not_read_keeps_an_open_window_shut() -> None:
    condition = condition_for(Topic.CALENDAR, {"opens": 10}, ("freeze",), clock=lambda: 15)
    assert condition.observe({}).reason is None
    judgement = condition.observe({"freeze": "OPEN"})
    assert judgement.reason is Reason.MET
    assert judgement.observed["cutoverWindow"]["verdict"] == "OK"


@pytest.mark.parametrize(
    ("topic", "until"),
    [
        (Topic.REPLICATION, {}),
        (Topic.REPLICATION, REPLICATION | {"samples": 0}),
        (Topic.REPLICATION, REPLICATION | {"samples": True}),
        (Topic.REPLICATION, REPLICATION | {"maxLagSeconds": None}),
        (Topic.REPLICATION, REPLICATION | {"lifecycle": []}),
        (Topic.REPLICATION, REPLICATION | {"lifecycle": "READY_FOR_CUTOVER"}),
        (Topic.BOOT, {}),
        (Topic.LEDGER, {"reached": []}),
        (Topic.LEDGER, {"reached": ["FAILED"], "failed": ["FAILED"]}),
        (Topic.CLOCK, {}),
        (Topic.CLOCK, {"at": "now"}),
        (Topic.CLOCK, {"at": float("nan")}),
        (Topic.CLOCK, {"at": float("inf")}),
        (Topic.CLOCK, {"at": float("-inf")}),
        (Topic.CALENDAR, {"opens": "now"}),
    ],
)
def test_a_wait_without_its_parameters_is_refused(topic: Topic, until: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        condition_for(topic, until)
