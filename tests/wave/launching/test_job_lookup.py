"""Which job is taken for the job of an intent, and which never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import UnknownError
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.job_lookup import (
    CLOCK_SKEW,
    EARLIER_JOBS,
    FAILED_LAUNCH,
    Action,
    find_job,
    has_unsettled_intent,
    in_flight,
    last_job,
    started_job,
    written_at,
)
from tests.wave.launching.bench import START, Bench, a_job, server_id, tagged

NAMED = ServerView(server_id(1), last_test_job_id="mgnjob-1", last_cutover_job_id="mgnjob-2")
SECOND = timedelta(seconds=1)


@pytest.fixture
def batch(bench: Bench) -> list[Record]:
    return bench.with_intent(bench.records())


def found(batch: list[Record], *jobs: JobView, action: Action = Action.TEST, view: Any = NAMED) -> str | None:
    views = {server_id(1): view} if view else {}
    job = find_job(batch, action, jobs, lambda: views)
    return job.job_id if job else None


def test_the_tag_decides_whatever_else_the_job_is(batch: list[Record]) -> None:
    assert found(batch, a_job(1), tagged("intent-1", 7, Action.CUTOVER, 5)) == "mgnjob-7"
    assert found(batch, tagged("intent-2", 1)) is None


def test_servers_are_not_asked_when_a_tag_or_nothing_decides(bench: Bench, batch: list[Record]) -> None:
    for jobs in ([tagged("intent-1")], [], [a_job(1, Action.CUTOVER)]):
        bench.mgn.jobs = jobs
        started_job(bench.services, batch, Action.TEST)
    assert bench.mgn.servers_asked == []
    bench.mgn.jobs, bench.mgn.views = [a_job(1)], {server_id(1): NAMED}
    job = started_job(bench.services, batch, Action.TEST)
    assert job is not None
    assert job.job_id == "mgnjob-1"
    assert bench.mgn.servers_asked == [[server_id(1)]]
    assert set(bench.mgn.looked_since) == {START - CLOCK_SKEW}


def test_without_a_tag_the_server_names_its_job(batch: list[Record]) -> None:
    assert found(batch, a_job(3), a_job(1)) == "mgnjob-1"
    assert found(batch, a_job(3)) is None
    assert found(batch, a_job(1), view=None) is None


@pytest.mark.parametrize(
    "job",
    [
        a_job(1, tags={"by": "somebody"}),
        a_job(1, Action.CUTOVER),
        a_job(1, initiated_by=None),
        a_job(1, Action.TEST, 1, 2),
        a_job(1, Action.TEST, 2),
        a_job(1, created_at=None),
        a_job(1, created_at="yesterday"),
        a_job(1, created_at=(START - CLOCK_SKEW - SECOND).isoformat()),
    ],
    ids=["tags", "kind", "no kind", "more servers", "another server", "no time", "no such time", "before"],
)
def test_a_job_that_is_not_ours_is_never_taken(batch: list[Record], job: JobView) -> None:
    assert found(batch, job) is None


def test_a_job_from_just_before_the_intent_may_be_ours(batch: list[Record]) -> None:
    """To the very second of the allowance for clocks that differ."""
    assert found(batch, a_job(1, created_at=(START - CLOCK_SKEW).isoformat())) == "mgnjob-1"


def test_a_job_from_before_the_attempt_is_not_taken(batch: list[Record]) -> None:
    known = [replace(batch[0], facts={EARLIER_JOBS: ["mgnjob-1"]})]
    assert found(known, a_job(1)) is None
    other = [replace(batch[0], facts={EARLIER_JOBS: ["mgnjob-9"]})]
    assert found(other, a_job(1)) == "mgnjob-1"


def test_a_termination_is_named_by_no_server(bench: Bench) -> None:
    batch = bench.with_intent(bench.records(), Action.TERMINATE)

    def asked() -> Any:
        raise AssertionError("MGN names no termination")

    jobs = [a_job(1, Action.TERMINATE), a_job(2, Action.TERMINATE)]
    job = find_job(batch, Action.TERMINATE, jobs, asked)
    assert job is not None
    assert job.job_id == "mgnjob-1"
    assert find_job(batch, Action.TERMINATE, [a_job(1)], asked) is None


def test_the_last_job_is_of_its_kind() -> None:
    assert last_job(NAMED, Action.TEST) == "mgnjob-1"
    assert last_job(NAMED, Action.CUTOVER) == "mgnjob-2"
    assert last_job(NAMED, Action.TERMINATE) is None
    assert [last_job(None, action) for action in Action] == [None, None, None]


def test_an_intent_without_an_outcome_is_unsettled(bench: Bench) -> None:
    [record] = bench.records()
    assert not has_unsettled_intent(record, Action.TEST)
    [record] = bench.with_intent([record])
    assert has_unsettled_intent(record, Action.TEST)
    assert not has_unsettled_intent(record, Action.CUTOVER)
    [record] = bench.with_intent([record], outcome="LAUNCHED")
    assert not has_unsettled_intent(record, Action.TEST)


def test_without_a_time_of_the_intent_nothing_is_known(bench: Bench) -> None:
    batch = bench.with_intent(bench.records(), written_at="some day")
    with pytest.raises(UnknownError, match="when this intent was written"):
        written_at(batch, Action.TEST)


def test_jobs_that_filled_the_quota_when_the_call_was_made(bench: Bench) -> None:
    bench.mgn.jobs = [
        a_job(1),
        a_job(2, status="PENDING"),
        a_job(3, status="COMPLETED"),
        a_job(4, status="COMPLETED", ended_at=START.isoformat()),
        a_job(5, status="COMPLETED", ended_at=(START - SECOND).isoformat()),
        a_job(6, status="COMPLETED", ended_at=(START + SECOND).isoformat()),
    ]
    assert [job.job_id for job in in_flight(bench.services, START)] == ["mgnjob-1", "mgnjob-2", "mgnjob-4", "mgnjob-6"]
    assert bench.mgn.looked_since == [START - timedelta(days=30)]


def test_failed_launches() -> None:
    assert {"FAILED", "STALE_SNAPSHOT"} == FAILED_LAUNCH
