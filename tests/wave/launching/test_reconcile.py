"""An unknown outcome is looked up: a job is adopted, and "nothing happened" is believed after a while only."""

from __future__ import annotations

import pytest

from migration_ops.aws.errors import ConflictError
from migration_ops.core.errors import UnknownError
from migration_ops.core.states import Phase
from migration_ops.wave.launching.intents import (
    NOTHING_HAPPENED,
    LaunchState,
    collect,
    note_no,
    same_intent,
    with_outcome,
)
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.late_jobs import adopt_late
from migration_ops.wave.launching.reconcile import reconcile
from tests.wave.launching.bench import START, Bench, server_id, tagged

SINCE = START.timestamp()


def test_what_was_never_intended_is_not_looked_for(bench: Bench) -> None:
    records = bench.records()
    assert reconcile(bench.services, records, Action.TEST) == LaunchState(records, {})
    assert bench.mgn.looked_since == []


@pytest.mark.parametrize("known", [{"job_id": "mgnjob-1"}, {"outcome": "LAUNCHED"}, {"outcome": "REFUSED"}])
def test_what_is_known_is_not_looked_for(bench: Bench, known: dict[str, str]) -> None:
    records = bench.with_intent(bench.records(), **known)
    assert reconcile(bench.services, records, Action.TEST) == LaunchState(records, {})
    assert bench.mgn.looked_since == []


def test_the_job_is_adopted(bench: Bench) -> None:
    records = bench.with_intent(bench.records(2))
    bench.mgn.jobs = [tagged("intent-1", 7, Action.TEST, 1, 2)]
    state = reconcile(bench.services, records, Action.TEST)
    assert state.jobs == {server_id(1): "mgnjob-7", server_id(2): "mgnjob-7"}
    assert state.wait_until is None
    assert state.records == bench.stored()
    assert {(one.job_id, one.intents["START_TEST"].job_id) for one in bench.stored()} == {("mgnjob-7", "mgnjob-7")}
    assert bench.history()[-1].event == "START_TEST adopted"
    assert bench.mgn.sent == []


def test_nothing_is_believed_at_the_first_look(bench: Bench) -> None:
    records = bench.with_intent(bench.records())
    bench.advance(3600)
    state = reconcile(bench.services, records, Action.TEST)
    assert (state.wait_until, state.looked_since) == (SINCE + 3660, SINCE + 3600)
    assert "intent-1 started nothing" in state.why
    assert bench.intent().outcome is None


@pytest.mark.parametrize(("seconds", "outcome"), [(59.0, None), (60.0, NOTHING_HAPPENED)])
def test_after_the_pause_it_is_noted_that_nothing_happened(bench: Bench, seconds: float, outcome: str | None) -> None:
    records = bench.with_intent(bench.records())
    bench.advance(seconds)
    state = reconcile(bench.services, records, Action.TEST, SINCE)
    assert bench.intent().outcome == outcome
    assert state.records == bench.stored()
    assert (state.wait_until is None) is (outcome is not None)
    assert state.looked_since == (SINCE if outcome is None else None)


def test_each_intent_has_its_own_fate(bench: Bench) -> None:
    first, second = bench.records(2)
    [first] = bench.with_intent([first], intent_id="intent-1")
    [second] = bench.with_intent([second], intent_id="intent-2")
    bench.mgn.jobs = [tagged("intent-2", 7, Action.TEST, 2)]
    state = reconcile(bench.services, [first, second], Action.TEST)
    assert state.jobs == {server_id(2): "mgnjob-7"}
    assert state.wait_until == SINCE + 60
    assert "intent-1" in state.why


def test_without_the_time_of_the_intent_nothing_is_concluded(bench: Bench) -> None:
    records = bench.with_intent(bench.records(), written_at="")
    with pytest.raises(UnknownError):
        reconcile(bench.services, records, Action.TEST, SINCE - 3600)


# --- jobs that come late ----------------------------------------------------------------------------------------------


def test_a_late_job_is_adopted(bench: Bench) -> None:
    records = bench.with_intent(bench.records(2), outcome=NOTHING_HAPPENED)
    bench.mgn.jobs = [tagged("intent-1", 7, Action.TEST, 1, 2)]
    assert adopt_late(bench.services, records, Action.TEST) == bench.stored()
    assert (bench.intent().job_id, bench.intent().outcome) == ("mgnjob-7", None)
    assert bench.history()[-1].event == "START_TEST adopted late"
    assert any("took effect late" in line for line in bench.said)


def test_a_late_job_that_does_not_come_changes_nothing(bench: Bench) -> None:
    records = bench.with_intent(bench.records(), outcome=NOTHING_HAPPENED)
    assert adopt_late(bench.services, records, Action.TEST) == records
    assert bench.intent().outcome == NOTHING_HAPPENED
    assert bench.said == []


@pytest.mark.parametrize(
    "known", [{}, {"outcome": "FAILED"}, {"outcome": "REFUSED"}, {"outcome": NOTHING_HAPPENED, "job_id": "mgnjob-1"}]
)
def test_only_what_was_given_up_is_looked_for_late(bench: Bench, known: dict[str, str]) -> None:
    records = bench.with_intent(bench.records(), **known)
    bench.mgn.jobs = [tagged("intent-1", 7)]
    assert adopt_late(bench.services, records, Action.TEST) == records
    assert bench.mgn.looked_since == []


def test_a_record_without_an_intent_is_passed_on(bench: Bench) -> None:
    records = bench.records()
    assert adopt_late(bench.services, records, Action.CUTOVER) == records


def test_reconcile_adopts_late_jobs_first(bench: Bench) -> None:
    records = bench.with_intent(bench.records(), outcome=NOTHING_HAPPENED)
    bench.mgn.jobs = [tagged("intent-1", 7)]
    assert reconcile(bench.services, records, Action.TEST).records == bench.stored()
    assert bench.intent().job_id == "mgnjob-7"


# --- intents ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("again", "outcome"), [(False, "REFUSED"), (True, NOTHING_HAPPENED)])
def test_a_no_keeps_what_an_earlier_call_may_still_do(bench: Bench, again: bool, outcome: str) -> None:
    records = bench.with_intent(bench.records())
    noted = note_no(bench.services, records, Action.TEST, again, "REFUSED", ConflictError("busy"))
    assert noted == bench.stored()
    assert bench.intent().outcome == outcome
    last = bench.history()[-1]
    assert (last.event, last.detail["outcome"]) == ("START_TEST REFUSED", "REFUSED")
    assert last.detail["error"]["code"] == "CONFLICT"


def test_a_no_without_an_error_names_none(bench: Bench) -> None:
    note_no(bench.services, bench.with_intent(bench.records()), Action.TEST, False, "NOT_NOW", None)
    assert bench.history()[-1].detail == {"outcome": "NOT_NOW"}


def test_outcomes_are_noted_where_there_is_an_intent(bench: Bench) -> None:
    first, second = bench.records(2)
    [second] = bench.with_intent([second])
    outcomes = {server_id(1): "FAILED", server_id(2): "FAILED"}
    noted = with_outcome([first, second], Action.TEST, outcomes)
    assert noted[0] is first
    assert noted[1].intents["START_TEST"].outcome == "FAILED"
    assert with_outcome([second], Action.TEST, {server_id(1): "FAILED"}) == [second]


def test_records_are_grouped_by_intent(bench: Bench) -> None:
    one, two, three = bench.records(3, Phase.READY)
    [one, three] = bench.with_intent([one, three], intent_id="intent-1")
    [two] = bench.with_intent([two], intent_id="intent-2")
    assert same_intent([one, two, three], "START_TEST") == [[one, three], [two]]


def test_the_states_of_parts_become_one(bench: Bench) -> None:
    old, new = bench.records(), bench.with_intent(bench.stored())
    by_id, jobs, waits = {one.migration_id: one for one in old}, {"s-0": "mgnjob-0"}, []
    collect(LaunchState(new, {"s-1": "mgnjob-1"}), by_id, jobs, waits)
    collect(LaunchState([], {}, 0.0, "so that"), by_id, jobs, waits)
    assert list(by_id.values()) == new
    assert jobs == {"s-0": "mgnjob-0", "s-1": "mgnjob-1"}
    assert waits == [(0.0, "so that")]
