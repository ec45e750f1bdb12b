"""Whose launch it is that MGN shows as going on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError
from migration_ops.wave.launching.external_launches import (
    find_external_launches,
    refuse_external,
    require_known_failed,
)
from migration_ops.wave.launching.job_lookup import EARLIER_JOBS, Action
from tests.wave.launching.bench import Bench, server_id, tagged

ONE = server_id(1)
TESTING = ServerView(ONE, lifecycle_state="TESTING", launched_instance_id="i-1", last_test_job_id="mgnjob-1")
CUTTING = ServerView(ONE, lifecycle_state="CUTTING_OVER", last_cutover_job_id="mgnjob-2")


def external(bench: Bench, view: ServerView, record: Any = None) -> dict[str, str]:
    return find_external_launches(bench.services, {ONE: record}, {ONE: view})


@pytest.mark.parametrize(
    ("view", "found"),
    [
        (TESTING, {ONE: "mgnjob-1"}),
        (CUTTING, {ONE: "mgnjob-2"}),
        (replace(TESTING, launched_instance_id=None), {}),
        (replace(TESTING, lifecycle_state="READY_FOR_CUTOVER"), {}),
        (replace(TESTING, lifecycle_state=None), {}),
        (replace(TESTING, last_test_job_id=None), {ONE: "unknown"}),
        (replace(CUTTING, last_cutover_job_id=None), {ONE: "unknown"}),
    ],
)
@pytest.mark.parametrize("is_known", [False, True])
def test_a_launch_that_the_ledger_does_not_know_is_somebody_elses(
    bench: Bench, view: ServerView, found: dict[str, str], is_known: bool
) -> None:
    record = bench.records()[0] if is_known else None
    assert external(bench, view, record) == found


def test_a_server_without_a_record_is_unknown_to_the_ledger(bench: Bench) -> None:
    assert find_external_launches(bench.services, {}, {ONE: TESTING}) == {ONE: "mgnjob-1"}


def test_nothing_is_asked_when_nothing_goes_on(bench: Bench) -> None:
    assert external(bench, replace(TESTING, lifecycle_state="CUTOVER")) == {}
    assert bench.mgn.jobs_asked == []


def test_a_job_without_a_name_is_not_asked_for(bench: Bench) -> None:
    external(bench, replace(CUTTING, last_cutover_job_id=None))
    assert [one for ids in bench.mgn.jobs_asked for one in ids] == []


def test_the_job_of_our_intent_is_ours(bench: Bench) -> None:
    [record] = bench.with_intent(bench.records(), job_id="mgnjob-1")
    assert external(bench, TESTING, record) == {}
    assert external(bench, replace(TESTING, last_test_job_id="mgnjob-9"), record) == {ONE: "mgnjob-9"}
    assert external(bench, replace(TESTING, last_test_job_id=None), record) == {ONE: "unknown"}


def test_the_job_of_an_earlier_attempt_is_ours(bench: Bench) -> None:
    [record] = bench.records(facts={EARLIER_JOBS: ["mgnjob-1"]})
    assert external(bench, TESTING, record) == {}


def test_a_job_with_our_intent_is_ours_though_its_answer_was_lost(bench: Bench) -> None:
    [record] = bench.with_intent(bench.records())
    bench.mgn.jobs = [tagged("intent-1", 1)]
    assert external(bench, TESTING, record) == {}
    bench.mgn.jobs = [tagged("intent-2", 1)]
    assert external(bench, TESTING, record) == {ONE: "mgnjob-1"}
    assert external(bench, TESTING) == {ONE: "mgnjob-1"}


def test_a_step_refuses_somebody_elses_launch(bench: Bench) -> None:
    records = bench.records()
    other = server_id(9)
    with pytest.raises(StepFailedError, match="cutover: somebody else launched") as caught:
        refuse_external(bench.services, records, {ONE: TESTING, other: replace(TESTING)}, "cutover")
    assert caught.value.context == {"jobs": {ONE: "mgnjob-1"}, "states": {ONE: "TESTING"}}


def test_a_step_goes_on_without_one(bench: Bench) -> None:
    refuse_external(bench.services, bench.records(), {ONE: replace(TESTING, lifecycle_state="CUTOVER")}, "cutover")
    # Not a server of these records.
    refuse_external(bench.services, bench.stored(), {server_id(9): TESTING}, "cutover")


@pytest.mark.parametrize(
    ("known", "is_failed"),
    [
        ({"job_id": "mgnjob-1", "outcome": "FAILED"}, True),
        ({"job_id": "mgnjob-1", "outcome": "STALE_SNAPSHOT"}, True),
        ({"job_id": "mgnjob-1", "outcome": "LAUNCHED"}, False),
        ({"job_id": "mgnjob-1"}, False),
        ({"job_id": "mgnjob-0", "outcome": "FAILED"}, False),
    ],
)
def test_only_a_launch_that_is_known_to_have_failed_is_reverted(
    bench: Bench, known: dict[str, str], is_failed: bool
) -> None:
    records = bench.with_intent(bench.records(), **known)
    if is_failed:
        require_known_failed(records, {ONE: TESTING}, Action.TEST)
    else:
        with pytest.raises(OutcomeUnknownError, match="took effect late") as caught:
            require_known_failed(records, {ONE: TESTING}, Action.TEST)
        assert caught.value.context == {"jobs": {ONE: "mgnjob-1"}}


def test_a_job_from_before_the_attempt_has_failed(bench: Bench) -> None:
    records = bench.records(facts={EARLIER_JOBS: ["mgnjob-1"]})
    require_known_failed(records, {ONE: TESTING}, Action.TEST)
    records = bench.with_intent(records, job_id="mgnjob-5", outcome="LAUNCHED")
    require_known_failed(records, {ONE: TESTING}, Action.TEST)
    with pytest.raises(OutcomeUnknownError):
        require_known_failed(records, {ONE: CUTTING}, Action.CUTOVER)
