"""``launch_once`` branch by branch: what is written before the call, what is sent, and what each answer leads to.

The same on the sandbox, with steps and workers that are killed: tests/wave/steps/test_once_only.py.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError, ConflictError
from migration_ops.aws.mgn.jobs import INTENT_TAG
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError, ThrottledError, UnknownError
from migration_ops.core.states import Phase
from migration_ops.wave.launching.at_most_once import launch_once
from migration_ops.wave.launching.intents import NOTHING_HAPPENED
from migration_ops.wave.launching.job_lookup import EARLIER_JOBS, Action
from tests.wave.launching.bench import START, Bench, a_job, server_id, tagged

SINCE = START.timestamp()
BUSY = ConflictError("a server is busy")


def launch(bench: Bench, records: Any = None, action: Action = Action.TEST, **more: Any) -> Any:
    phase = {Action.TEST: Phase.TEST_LAUNCHING, Action.CUTOVER: Phase.CUTTING_OVER, Action.TERMINATE: None}[action]
    return launch_once(bench.services, bench.stored() if records is None else records, action, phase, **more)


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_the_intent_is_written_before_the_call(bench: Bench) -> None:
    bench.records(error_code="OLD", error_message="old", replication_lag_seconds=7.0)
    seen = []

    def answer(action: Action, ids: list[str], tags: dict[str, str]) -> Any:
        seen.append((bench.intent(), bench.stored()[0], tags))
        return bench.mgn.starts(action, ids, tags)

    bench.mgn.answers = [answer]
    state = launch(bench, lags={server_id(1): 3.0})
    [(intent, record, tags)] = seen
    assert (intent.action, intent.attempt, intent.job_id, intent.outcome) == ("START_TEST", 1, None, None)
    assert intent.written_at == START.isoformat()
    assert tags[INTENT_TAG] == intent.intent_id
    assert tags["migration-ops:wave"] == "wave-1"
    assert (record.phase, record.dag_run_id) == (Phase.TEST_LAUNCHING, "run-1")
    assert (record.error_code, record.error_message, record.replication_lag_seconds) == (None, None, 3.0)
    assert state.jobs == {server_id(1): "mgnjob-100"}
    assert (state.wait_until, state.records) == (None, bench.stored())
    assert [line.event for line in bench.history()][-2:] == ["START_TEST intended", "START_TEST sent"]


def test_a_lag_that_was_not_judged_stays(bench: Bench) -> None:
    bench.records(replication_lag_seconds=7.0)
    launch(bench)
    assert bench.stored()[0].replication_lag_seconds == 7.0


@pytest.mark.parametrize("action", Action)
def test_each_action_is_its_own_call(bench: Bench, action: Action) -> None:
    bench.records(phase=Phase.READY)
    launch(bench, action=action)
    assert [(one, ids) for one, ids, _ in bench.mgn.sent] == [(action, [server_id(1)])]


def test_a_termination_leaves_the_phase(bench: Bench) -> None:
    bench.records(phase=Phase.READY)
    launch(bench, action=Action.TERMINATE)
    assert bench.stored()[0].phase is Phase.READY
    launch(bench, action=Action.TERMINATE)
    assert bench.stored()[0].phase is Phase.READY


def test_one_call_for_each_batch(bench: Bench) -> None:
    bench.records(3)
    state = launch(bench)
    assert [ids for _, ids, _ in bench.mgn.sent] == [[server_id(1), server_id(2)], [server_id(3)]]
    assert len({tags[INTENT_TAG] for _, _, tags in bench.mgn.sent}) == 2
    assert set(state.jobs) == {server_id(1), server_id(2), server_id(3)}


def test_asked_again_nothing_is_sent_again(bench: Bench) -> None:
    bench.records()
    first = launch(bench)
    again = launch(bench)
    assert (again.jobs, again.wait_until) == (first.jobs, None)
    assert len(bench.mgn.sent) == 1
    assert again.records == first.records == bench.stored()


def test_a_job_that_runs_is_followed_in_its_phase(bench: Bench) -> None:
    """The application was stopped while the job ran."""
    bench.with_intent(bench.records(2, Phase.READY), job_id="mgnjob-1")
    state = launch(bench)
    assert {one.phase for one in bench.stored()} == {Phase.TEST_LAUNCHING}
    assert {one.dag_run_id for one in bench.stored()} == {"run-1"}
    assert state.records == bench.stored()
    assert set(state.jobs.values()) == {"mgnjob-1"}
    assert bench.history()[-1].event == "START_TEST followed"
    assert bench.mgn.sent == []


def test_a_job_that_is_followed_already_is_not_written_again(bench: Bench) -> None:
    bench.with_intent(bench.records(phase=Phase.TEST_LAUNCHING), job_id="mgnjob-1")
    before = bench.stored()
    assert launch(bench).records == before == bench.stored()


def test_an_intent_that_was_not_looked_up_is_refused(bench: Bench) -> None:
    bench.with_intent(bench.records())
    with pytest.raises(UnknownError, match="looked up before anything is sent"):
        launch(bench)
    assert bench.mgn.sent == []


def test_an_unsettled_intent_of_another_action_is_no_reason(bench: Bench) -> None:
    bench.with_intent(bench.records(phase=Phase.READY), Action.TERMINATE, job_id="mgnjob-1")
    launch(bench)
    assert len(bench.mgn.sent) == 1


def test_a_late_job_is_followed_instead_of_a_second_call(bench: Bench) -> None:
    bench.with_intent(bench.records(), outcome=NOTHING_HAPPENED)
    bench.mgn.jobs = [tagged("intent-1", 7)]
    assert launch(bench).jobs == {server_id(1): "mgnjob-7"}
    assert bench.mgn.sent == []


# --- attempts ---------------------------------------------------------------------------------------------------------


def test_what_did_not_happen_is_sent_under_the_same_intent(bench: Bench) -> None:
    bench.with_intent(bench.records(2), outcome=NOTHING_HAPPENED, attempt=4)
    launch(bench)
    [(_, ids, tags)] = bench.mgn.sent
    assert ids == [server_id(1), server_id(2)]
    assert tags[INTENT_TAG] == "intent-1"
    assert (bench.intent().attempt, bench.intent().intent_id) == (4, "intent-1")


@pytest.mark.parametrize("outcome", ["FAILED", "REFUSED", "NOT_NOW", "LAUNCHED"])
def test_after_an_outcome_comes_the_next_attempt(bench: Bench, outcome: str) -> None:
    bench.with_intent(bench.records(), outcome=outcome, job_id="mgnjob-1")
    launch(bench)
    assert bench.intent().attempt == 2
    assert bench.intent().intent_id.startswith("START_TEST-2-")


def test_the_next_attempt_is_above_the_highest_one(bench: Bench) -> None:
    first, second, _ = bench.records(3)
    bench.with_intent([first], outcome="FAILED", attempt=2)
    bench.with_intent([second], outcome="FAILED", attempt=5, intent_id="intent-2")
    bench.services = replace(bench.services, settings=replace(bench.services.settings, launch_batch_size=3))
    launch(bench)
    assert {bench.intent(one).attempt for one in (1, 2, 3)} == {6}


def test_intents_that_are_sent_again_are_sent_apart(bench: Bench) -> None:
    """Each under its own tag, and never together with servers that have none."""
    one, two, three, _ = bench.records(4)
    bench.with_intent([one], outcome=NOTHING_HAPPENED, intent_id="intent-1")
    bench.with_intent([two], outcome=NOTHING_HAPPENED, intent_id="intent-2")
    bench.with_intent([three], outcome="FAILED", intent_id="intent-3")
    launch(bench)
    sent = [(ids, tags[INTENT_TAG]) for _, ids, tags in bench.mgn.sent]
    assert sent[:2] == [([server_id(1)], "intent-1"), ([server_id(2)], "intent-2")]
    assert sent[2][0] == [server_id(3), server_id(4)]
    assert sent[2][1].startswith("START_TEST-2-")


def test_jobs_from_before_are_remembered(bench: Bench) -> None:
    known = [f"mgnjob-{one}" for one in range(25)]
    bench.records(facts={EARLIER_JOBS: known})
    bench.with_intent(bench.stored(), outcome="FAILED", job_id="mgnjob-98")
    views = {server_id(1): ServerView(server_id(1), last_test_job_id="mgnjob-99", last_cutover_job_id="mgnjob-97")}
    launch(bench, views=views)
    assert bench.stored()[0].facts[EARLIER_JOBS] == [*known[-18:], "mgnjob-98", "mgnjob-99"]


def test_without_jobs_from_before_there_is_no_such_fact(bench: Bench) -> None:
    bench.records(facts={"other": 1})
    launch(bench, views={server_id(1): ServerView(server_id(1))})
    assert bench.stored()[0].facts == {"other": 1}


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("first_poll", "pause"), [(15.0, 30.0), (14.0, 14.0), (40.0, 40.0)])
def test_throttled_is_later(first_poll: float, pause: float) -> None:
    bench = Bench(first_poll_seconds=first_poll)
    bench.records()
    bench.mgn.answers = [ThrottledError("slow down")]
    state = launch(bench)
    assert (state.wait_until, state.jobs, state.looked_since) == (SINCE + pause, {}, None)
    assert "START_TEST later" in state.why
    assert bench.intent().outcome == "NOT_NOW"
    assert state.records == bench.stored()


@pytest.mark.parametrize("answer", [ThrottledError("slow down"), AccessDeniedError("no"), BUSY], ids=lambda e: e.code)
def test_a_no_under_a_tag_that_may_still_take_effect_settles_nothing(bench: Bench, answer: Exception) -> None:
    bench.with_intent(bench.records(2), outcome=NOTHING_HAPPENED)
    bench.mgn.answers = [answer]
    with suppress(AccessDeniedError, ConflictError):
        launch(bench)
    assert {bench.intent(one).outcome for one in (1, 2)} == {NOTHING_HAPPENED}


def test_another_actions_intent_is_no_earlier_call(bench: Bench) -> None:
    bench.with_intent(bench.records(phase=Phase.READY), Action.TERMINATE, outcome=NOTHING_HAPPENED)
    bench.mgn.answers = [ThrottledError("slow down")]
    launch(bench)
    assert bench.intent().outcome == "NOT_NOW"


def test_an_outcome_that_is_unknown_is_looked_up(bench: Bench) -> None:
    bench.records()
    bench.mgn.answers = [OutcomeUnknownError("no answer")]
    state = launch(bench)
    assert (state.wait_until, state.looked_since) == (SINCE + 60, SINCE)
    assert (bench.intent().outcome, bench.intent().job_id) == (None, None)
    assert len(bench.mgn.sent) == 1


def test_an_unknown_outcome_of_one_batch_is_known_in_the_whole(bench: Bench) -> None:
    bench.records(3)
    bench.mgn.answers = [OutcomeUnknownError("no answer")]
    state = launch(bench)
    assert (state.wait_until, state.looked_since) == (SINCE + 60, SINCE)
    assert state.jobs == {server_id(3): "mgnjob-100"}


def test_the_first_look_that_is_known_is_kept(bench: Bench) -> None:
    """One batch is not known, and the next one is throttled."""
    bench.records(3)
    bench.mgn.answers = [OutcomeUnknownError("no answer"), ThrottledError("slow down")]
    state = launch(bench)
    assert (state.wait_until, state.looked_since) == (SINCE + 60, SINCE)


def test_a_refusal_ends_the_attempt(bench: Bench) -> None:
    bench.records()
    bench.mgn.answers = [AccessDeniedError("no")]
    with pytest.raises(AccessDeniedError):
        launch(bench)
    assert bench.intent().outcome == "REFUSED"


def test_a_conflict_with_our_own_job_is_no_conflict(bench: Bench) -> None:
    bench.records()

    def answer(action: Action, ids: list[str], tags: dict[str, str]) -> Any:
        bench.mgn.starts(action, ids, tags)
        raise BUSY

    bench.mgn.answers = [answer]
    assert launch(bench).jobs == {server_id(1): "mgnjob-100"}
    assert bench.history()[-1].event == "START_TEST adopted"


def foreign(**changes: Any) -> Any:
    return a_job(1, Action.TEST, 1, 5, **({"tags": {"by": "somebody"}} | changes))


def test_somebody_elses_job_on_a_server_is_a_failure(bench: Bench) -> None:
    bench.records(2)
    bench.mgn.jobs, bench.mgn.answers = [foreign()], [BUSY]
    with pytest.raises(StepFailedError, match="another MGN job") as caught:
        launch(bench)
    assert caught.value.context == {"jobIds": ["mgnjob-1"], "servers": [server_id(1), server_id(2)]}
    assert {bench.intent(one).outcome for one in (1, 2)} == {"REFUSED"}


@pytest.mark.parametrize(
    "job",
    [foreign(launch_status={server_id(5): "PENDING"}), foreign(status="COMPLETED", ended_at="2041-01-01T00:00:00Z")],
    ids=["other servers", "over since"],
)
def test_a_conflict_that_no_job_explains_is_raised(bench: Bench, job: Any) -> None:
    bench.records()
    bench.mgn.jobs, bench.mgn.answers = [job], [BUSY]
    with pytest.raises(ConflictError):
        launch(bench)
    assert bench.intent().outcome == "REFUSED"


def filling(count: int, servers: int = 1, **changes: Any) -> list[Any]:
    """``count`` jobs in flight with that many servers each, none of them server 1."""
    return [
        a_job(one, Action.TEST, *(1000 * one + two for two in range(1, servers + 1)), **changes)
        for one in range(1, count + 1)
    ]


@pytest.mark.parametrize(
    ("jobs", "is_full"),
    [
        (filling(20), True),
        (filling(19), False),
        (filling(2, 100), True),
        ([*filling(1, 100), *filling(1, 99)], False),
        (filling(20, status="COMPLETED", ended_at=(START - timedelta(hours=1)).isoformat()), False),
    ],
    ids=["20 jobs", "19 jobs", "200 servers", "199 servers", "20 jobs that are over"],
)
def test_a_conflict_while_mgn_is_full_is_later(bench: Bench, jobs: list[Any], is_full: bool) -> None:
    bench.records()
    bench.mgn.jobs, bench.mgn.answers = jobs, [BUSY]
    if is_full:
        state = launch(bench)
        assert (state.wait_until, bench.intent().outcome) == (SINCE + 30, "NOT_NOW")
        assert f"{len(jobs)} jobs" in state.why
    else:
        with pytest.raises(ConflictError):
            launch(bench)


def test_the_batch_itself_counts_against_the_quota_of_servers(bench: Bench) -> None:
    bench.records(2)
    bench.mgn.jobs, bench.mgn.answers = [*filling(1, 100), *filling(1, 99)], [BUSY]
    assert launch(bench).wait_until == SINCE + 30


def test_a_quota_that_mgn_names_is_later(bench: Bench) -> None:
    bench.records()
    bench.mgn.answers = [ConflictError("Quota of jobs reached")]
    assert launch(bench).wait_until == SINCE + 30


def test_somebody_elses_job_on_a_server_is_a_failure_also_while_mgn_is_full(bench: Bench) -> None:
    """Waiting for the quota would end in a launch after somebody else's."""
    bench.records()
    bench.mgn.jobs, bench.mgn.answers = [*filling(20), foreign()], [BUSY]
    with pytest.raises(StepFailedError, match="another MGN job"):
        launch(bench)
