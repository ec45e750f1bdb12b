"""The trigger: one event per wait, from plain values, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.serialization.encoders import encode_trigger

from migration_ops.core.errors import InvalidInput
from migration_ops.core.settings import Settings
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.operators import triggers
from migration_ops.operators.triggers import WatchTrigger, trigger_for
from migration_ops.wave.waits import poll
from migration_ops.wave.waits.conditions import ApiError
from migration_ops.wave.waits.feeds import Feed, Readers
from migration_ops.wave.waits.outcome import Reason, Topic, Wait
from migration_ops.wave.waits.subscriptions import merged, wants_of
from tests.aws.scripted_aws import ScriptedAws, job_id, nothing_left, server_id, source_server

ONE, TWO = server_id(1), server_id(2)
REPLICATION = {"maxLagSeconds": 600, "samples": 2, "lifecycle": ["READY_FOR_TEST"], "final": False}
STALLED = {"dataReplicationInfo": {"dataReplicationState": "STALLED"}}
LAGGING = {"dataReplicationInfo": {"dataReplicationState": "CONTINUOUS", "lagDuration": "PT2H"}}


@pytest.fixture(autouse=True)
def quick(readers: Readers, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Connects once a session; only the test of a met wait does it as the triggerer does."""
    if request.node.name != "test_met":
        monkeypatch.setattr(triggers, "watch", partial(poll.watch, connect=lambda *_: readers))


def a_trigger(**changes: Any) -> WatchTrigger:
    values: dict[str, Any] = {
        "aws_conn_id": None,
        "region": "us-east-1",
        "topic": "replication",
        "subjects": [ONE],
        "until": REPLICATION,
        "poll_seconds": 0.05,
        "deadline": time.time() + 20,
        "carry": {"jobs": ["j"]},
        "first_poll_seconds": 0.05,
    }
    return WatchTrigger(**values | changes)


def events_of(trigger: WatchTrigger) -> list[dict[str, Any]]:
    """All events; checks that no task and no poll is left."""

    async def collect() -> list[dict[str, Any]]:
        events = [event.payload async for event in trigger.run()]
        assert await nothing_left(), asyncio.all_tasks()
        assert not poll._polls.get(asyncio.get_running_loop())
        return events

    events = asyncio.run(collect())
    assert json.loads(json.dumps(events)) == events, "an event is plain JSON"
    return events


def again(trigger: WatchTrigger) -> WatchTrigger:
    """As a restarted triggerer makes it: from the stored class path and arguments."""
    path, values = trigger.serialize()
    module, _, name = path.rpartition(".")
    assert (module, name) == (WatchTrigger.__module__, WatchTrigger.__name__)
    return WatchTrigger(**json.loads(json.dumps(values)))


def test_a_wait_survives_serialisation() -> None:
    wait = Wait(Topic.REPLICATION, (ONE, TWO), REPLICATION, 60.0, 1e10, "why", {"a": 1})
    trigger = trigger_for(wait, "aws_default", "eu-west-1", Settings(first_poll_seconds=7))
    _, values = trigger.serialize()
    assert values == {
        "aws_conn_id": "aws_default",
        "region": "eu-west-1",
        "topic": "replication",
        "subjects": [ONE, TWO],
        "until": REPLICATION,
        "poll_seconds": 60.0,
        "deadline": 1e10,
        "carry": {"a": 1},
        "first_poll_seconds": 7,
    }
    assert again(trigger).serialize() == trigger.serialize()
    encode_trigger({"classpath": trigger.serialize()[0], "kwargs": values})


def test_met(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE)
    [event] = events_of(a_trigger())
    assert event["reason"] == Reason.MET
    assert event["carry"] == {"jobs": ["j"]}
    assert event["observed"][ONE]["verdict"] == "OK"
    assert event["observed"][ONE]["view"]["lag_seconds"] == 0.0
    assert aws.calls["DescribeSourceServers"] == 2, "two samples"


def test_failed_at_once_with_the_reason_of_the_one(aws: ScriptedAws) -> None:
    aws.servers.update({ONE: source_server(ONE), TWO: source_server(TWO, **STALLED)})
    [event] = events_of(a_trigger(subjects=[ONE, TWO]))
    assert event["reason"] == Reason.FAILED
    assert {one: seen["verdict"] for one, seen in event["observed"].items()} == {ONE: "OK", TWO: "BLOCKED"}
    assert "STALLED" in event["observed"][TWO]["reason"]


def test_the_deadline_hands_over_what_was_seen_last(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE, **LAGGING)
    [event] = events_of(a_trigger(deadline=time.time() + 0.8))
    assert event["reason"] == Reason.TIMED_OUT
    assert event["observed"][ONE]["view"]["lag_seconds"] == 7200.0


def test_an_unreachable_aws_never_meets(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE)
    aws.faults["DescribeSourceServers"] = ["html"] * 1000
    [event] = events_of(a_trigger(deadline=time.time() + 0.8))
    assert event["reason"] == Reason.TIMED_OUT
    assert event["observed"][ONE]["verdict"] == "UNKNOWN"
    assert "no items" in event["observed"][ONE]["reason"]


def test_a_server_that_mgn_does_not_list_never_meets(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE)
    [event] = events_of(a_trigger(subjects=[ONE, TWO]))
    assert event["reason"] == Reason.FAILED
    assert event["observed"][TWO]["verdict"] == "UNKNOWN"
    assert "not listed" in event["observed"][TWO]["reason"]


def test_what_is_seen_after_the_deadline_comes_too_late(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE)
    aws.faults["DescribeSourceServers"] = ["slow0.8"]
    [event] = events_of(a_trigger(deadline=time.time() + 0.4, until=REPLICATION | {"samples": 1}))
    assert event["reason"] == Reason.TIMED_OUT


def test_a_machine_that_slept_past_the_deadline_is_late(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.servers[ONE] = source_server(ONE)
    now = time.time()
    clock = iter([now])
    # The loop's clock stands still while a machine is suspended; the wall clock does not.
    monkeypatch.setattr(triggers, "time", SimpleNamespace(time=lambda: next(clock, now + 3600)))
    [event] = events_of(a_trigger(deadline=now + 60, until=REPLICATION | {"samples": 1}))
    assert event["reason"] == Reason.TIMED_OUT
    assert event["observed"][ONE]["verdict"] == "OK"


def test_a_deadline_in_the_past_still_keeps_the_first_pause(aws: ScriptedAws) -> None:
    started = time.monotonic()
    [event] = events_of(a_trigger(deadline=time.time() - 60, first_poll_seconds=0.3, poll_seconds=60))
    assert event["reason"] == Reason.TIMED_OUT
    assert time.monotonic() - started >= 0.3


def test_a_restarted_trigger_counts_its_samples_anew(aws: ScriptedAws) -> None:
    aws.servers[ONE] = source_server(ONE)
    trigger = a_trigger(until=REPLICATION | {"samples": 3})

    async def shut_down_after_two_polls() -> None:
        task = asyncio.create_task(anext(trigger.run()))  # type: ignore[arg-type]
        while aws.calls["DescribeSourceServers"] < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        assert await nothing_left(), asyncio.all_tasks()

    asyncio.run(shut_down_after_two_polls())
    aws.calls.clear()
    [event] = events_of(again(trigger))
    assert event["reason"] == Reason.MET
    assert aws.calls["DescribeSourceServers"] == 3


def test_jobs(aws: ScriptedAws) -> None:
    answers = iter(["PENDING", "STARTED", "COMPLETED"])
    aws.answers["DescribeJobs"] = lambda _: {"items": [{"jobID": job_id(1), "status": next(answers)}]}
    [event] = events_of(a_trigger(topic="jobs", subjects=[job_id(1)], until={}))
    assert event["reason"] == Reason.MET
    assert aws.calls["DescribeJobs"] == 3


def test_our_own_fault_raises(aws: ScriptedAws) -> None:
    with pytest.raises(InvalidInput):
        events_of(a_trigger(until={}))


@pytest.mark.parametrize(
    ("at", "deadline", "reason"), [(0.3, 5.0, Reason.MET), (5.0, 0.3, Reason.TIMED_OUT), (-9.0, -1.0, Reason.TIMED_OUT)]
)
def test_clock(at: float, deadline: float, reason: Reason) -> None:
    started = time.time()
    trigger = a_trigger(topic="clock", subjects=[], until={"at": started + at}, deadline=started + deadline)
    [event] = events_of(trigger)
    assert event["reason"] == reason
    assert time.time() - started >= min(max(at, 0.0), max(deadline, 0.0), 0.3)


def test_a_clock_never_fires_right_away() -> None:
    started = time.monotonic()
    events_of(a_trigger(topic="clock", subjects=[], until={"at": time.time() - 5}, first_poll_seconds=0.3))
    assert time.monotonic() - started >= 0.3


def test_a_window_without_calendars_needs_no_aws(aws: ScriptedAws) -> None:
    until = {"opens": time.time() + 0.2, "closes": time.time() + 60}
    [event] = events_of(a_trigger(topic="calendar", subjects=[], until=until))
    assert event["reason"] == Reason.MET
    assert not aws.calls


@pytest.mark.parametrize(("state", "reason", "seconds"), [("OPEN", Reason.MET, 20), ("CLOSED", Reason.TIMED_OUT, 0.8)])
def test_calendar(aws: ScriptedAws, state: str, reason: Reason, seconds: float) -> None:
    aws.answers["GetCalendarState"] = {"State": state}
    trigger = a_trigger(topic="calendar", subjects=["freeze"], until={}, deadline=time.time() + seconds)
    [event] = events_of(trigger)
    assert event["reason"] == reason
    assert event["observed"]["freeze"]["view"] == {"state": state}


def test_one_log_line_per_change(aws: ScriptedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.servers[ONE] = source_server(ONE, **LAGGING)
    lines: list[str] = []
    trigger = a_trigger(deadline=time.time() + 0.8)
    monkeypatch.setattr(trigger.log, "info", lambda text, *values: lines.append(text % values))
    events_of(trigger)
    assert aws.calls["DescribeSourceServers"] >= 3
    assert [line.partition(":")[0] for line in lines] == ["replication", "replication wait ended"]
    assert ONE in lines[0]


# Which feeds a topic reads, and what its condition gets


@pytest.mark.parametrize(
    ("topic", "feeds"),
    [
        (Topic.REPLICATION, {Feed.SERVERS}),
        (Topic.JOBS, {Feed.JOBS}),
        (Topic.BOOT, {Feed.SERVERS, Feed.INSTANCES}),
        (Topic.LEDGER, {Feed.LEDGER}),
        (Topic.CALENDAR, {Feed.CALENDARS}),
        (Topic.CLOCK, set()),
    ],
)
def test_the_feeds_of_each_topic(topic: Topic, feeds: set[Feed]) -> None:
    assert set(wants_of(topic, ["a"], {"instances": {"a": "i-1"}})) == feeds


@pytest.mark.parametrize("topic", [one for one in Topic if one not in {Topic.BOOT, Topic.CLOCK}])
def test_a_subject_that_is_not_listed_is_none_one_that_was_not_read_is_an_error(topic: Topic) -> None:
    [feed] = wants_of(topic, ["a", "b"], {})
    error = ApiError("x")
    assert merged(topic, ["a", "b"], {}, {feed: {"a": error}}) == {"a": error, "b": None}


def test_boot_sees_server_and_instance() -> None:
    until = {"instances": {"a": "i-1", "b": "i-2", "c": None}}
    assert wants_of(Topic.BOOT, ["a", "b", "c"], until)[Feed.INSTANCES] == {"i-1", "i-2"}
    error = ApiError("x")
    seen = {Feed.SERVERS: {"a": "view a", "b": error}, Feed.INSTANCES: {"i-1": {"state": "running"}}}
    assert merged(Topic.BOOT, ["a", "b", "c"], until, seen) == {
        "a": {"view": "view a", "instance": {"state": "running"}},
        "b": {"view": error, "instance": None},
        "c": {"view": None, "instance": None},
    }


def test_the_ledger_says_phase_status_and_reason() -> None:
    record = Record("mig-1", "w", "app", ONE, Phase.FAILED, error_message="no subnet")
    assert merged(Topic.LEDGER, ["mig-1"], {}, {Feed.LEDGER: {"mig-1": record}}) == {
        "mig-1": {"phase": "FAILED", "status": "FAILED", "reason": "no subnet"}
    }
