"""The course of a launch: looked up, sent, followed, judged per server; and what a failed one leaves in the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.mgn.jobs import JobView
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError, StepTimedOutError, UnknownError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.wave.launching.carry import LaunchCarry
from migration_ops.wave.launching.intents import NOTHING_HAPPENED
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.launch import CUTOVER, TEST, finish, resolve_unknown_outcomes, start
from migration_ops.wave.launching.run_launch import LaunchGate, Passed, run_launch
from migration_ops.wave.services import StepInput
from migration_ops.wave.waits.outcome import Done, Reason, Resumed, Topic, Wait
from tests.wave.builders import application, plan
from tests.wave.launching.bench import START, Bench, a_job, server_id, tagged

ONE, TWO = server_id(1), server_id(2)
SINCE = START.timestamp()
DEADLINE = SINCE + 240 * 60
PLAN = plan(application("app", servers=(1, 2)), wave="wave-1")
[APP] = PLAN.applications


def inp(carry: LaunchCarry | None = None, is_retry: bool = False, **resumed: Any) -> StepInput:
    end = Resumed(resumed.get("reason", Reason.MET), resumed.get("observed", {}), carry.as_document() if carry else {})
    return StepInput(PLAN, APP, end if carry or resumed else None, is_retry=is_retry)


def carried(wait: Wait) -> LaunchCarry:
    return LaunchCarry.from_document(wait.carry)


# --- unknown outcomes -------------------------------------------------------------------------------------------------


def test_known_records_are_handed_on(bench: Bench) -> None:
    records = bench.records()
    assert resolve_unknown_outcomes(bench.services, inp(), TEST, records) == records


def test_an_unknown_outcome_is_waited_for(bench: Bench) -> None:
    records = bench.with_intent(bench.records(phase=Phase.TEST_LAUNCHING))
    first = resolve_unknown_outcomes(bench.services, inp(), TEST, records)
    assert isinstance(first, Wait)
    assert (first.topic, first.until["at"], first.deadline) == (Topic.CLOCK, SINCE + 60, DEADLINE)
    assert carried(first) == LaunchCarry(launch_deadline=DEADLINE, looked_since=SINCE)
    bench.advance(60)
    found = resolve_unknown_outcomes(bench.services, inp(carried(first)), TEST, records)
    assert isinstance(found, list)
    assert found[0].intents["START_TEST"].outcome == NOTHING_HAPPENED


@pytest.mark.parametrize("early", [0.0, 1.0])
def test_the_deadline_for_sending_is_kept_across_waits(bench: Bench, early: float) -> None:
    records = bench.with_intent(bench.records(phase=Phase.TEST_LAUNCHING))
    carry = LaunchCarry(launch_deadline=SINCE + early, looked_since=SINCE)
    if early:
        wait = resolve_unknown_outcomes(bench.services, inp(carry), TEST, records)
        assert isinstance(wait, Wait)
        assert wait.deadline == SINCE + early
    else:
        with pytest.raises(StepTimedOutError, match="could not be sent in time"):
            resolve_unknown_outcomes(bench.services, inp(carry), TEST, records)


@pytest.mark.parametrize(
    ("known", "is_refused"),
    [
        ({"outcome": "FAILED"}, True),
        ({"outcome": "STALE_SNAPSHOT"}, True),
        ({"outcome": "LAUNCHED"}, False),
        ({"outcome": "REFUSED"}, False),
        (None, False),
    ],
)
def test_a_failed_launch_is_not_repeated_by_itself(bench: Bench, known: Any, is_refused: bool) -> None:
    records = bench.records(error_message="no quota")
    records = bench.with_intent(records, job_id="mgnjob-1", **known) if known else records
    assert resolve_unknown_outcomes(bench.services, inp(), TEST, records) == records
    assert resolve_unknown_outcomes(bench.services, inp(is_retry=True), CUTOVER, records) == records
    if not is_refused:
        assert resolve_unknown_outcomes(bench.services, inp(is_retry=True), TEST, records) == records
        return
    with pytest.raises(StepFailedError, match="not repeated by itself") as caught:
        resolve_unknown_outcomes(bench.services, inp(is_retry=True), TEST, records)
    assert caught.value.context == {"failed": {ONE: "no quota"}}


def test_a_failure_without_words_is_still_named(bench: Bench) -> None:
    records = bench.with_intent(bench.records(), outcome="FAILED")
    with pytest.raises(StepFailedError) as caught:
        resolve_unknown_outcomes(bench.services, inp(is_retry=True), TEST, records)
    assert caught.value.context == {"failed": {ONE: "launch failed"}}


# --- sent -------------------------------------------------------------------------------------------------------------


def test_jobs_are_waited_for(bench: Bench) -> None:
    wait = start(bench.services, inp(), TEST, bench.records(3), {})
    assert (wait.topic, wait.subjects, wait.deadline) == (Topic.JOBS, ("mgnjob-100", "mgnjob-101"), DEADLINE)
    assert carried(wait) == LaunchCarry(jobs=("mgnjob-100", "mgnjob-101"))
    assert "START_TEST of app: mgnjob-100, mgnjob-101" in wait.why


def test_what_is_not_known_after_sending_is_waited_for(bench: Bench) -> None:
    bench.mgn.answers = [OutcomeUnknownError("no answer")]
    wait = start(bench.services, inp(), CUTOVER, bench.records(phase=Phase.READY), {}, {ONE: 2.0})
    assert (wait.topic, carried(wait).looked_since) == (Topic.CLOCK, SINCE)
    assert bench.stored()[0].replication_lag_seconds == 2.0


# --- judged -----------------------------------------------------------------------------------------------------------

LAUNCHED = {"launch_status": {ONE: "LAUNCHED"}, "instance_ids": {ONE: "i-1"}, "status": "COMPLETED"}
CLEAN: list[dict[str, Any]] = [{"event": "JOB_START"}]
STALE = [*CLEAN, {"event": "USING_PREVIOUS_SNAPSHOT", "eventData": {"sourceServerID": ONE}}]


def launching(bench: Bench, action: Action = Action.CUTOVER, count: int = 1, **known: Any) -> list[Record]:
    phase = Phase.CUTTING_OVER if action is Action.CUTOVER else Phase.TEST_LAUNCHING
    return bench.with_intent(bench.records(count, phase), action, **({"job_id": "mgnjob-1"} | known))


def job(action: Action = Action.CUTOVER, **changes: Any) -> JobView:
    return a_job(1, action, **(LAUNCHED | changes))


def ended(*jobs: JobView, reason: Reason = Reason.MET, **absent: Any) -> Resumed:
    return Resumed(reason, {one.job_id: {"view": one.as_document()} for one in jobs} | absent, {})


def test_a_launched_server_moves_on(bench: Bench) -> None:
    records = launching(bench)
    bench.mgn.log = CLEAN
    [record] = finish(bench.services, CUTOVER, records, ended(job()))
    assert (record.phase, record.instance_id) == (Phase.CUTOVER_LAUNCHED, "i-1")
    assert record.intents["START_CUTOVER"].outcome == "LAUNCHED"
    assert (record.error_code, record.error_message) == (None, None)
    assert [record] == bench.stored()
    assert bench.history()[-1].event == "START_CUTOVER judged"
    assert bench.emitted == ["START_CUTOVER judged"]


@pytest.mark.parametrize(
    ("kind", "status", "is_read"),
    [(CUTOVER, "LAUNCHED", True), (TEST, "LAUNCHED", False), (TEST, "FAILED", True), (TEST, None, True)],
    ids=lambda one: getattr(one, "name", str(one)),
)
def test_the_log_is_read_where_it_decides(bench: Bench, kind: Any, status: Any, is_read: bool) -> None:
    records = launching(bench, kind.action)
    bench.mgn.log = CLEAN
    view = job(kind.action, launch_status={ONE: status})
    if status == "LAUNCHED":
        finish(bench.services, kind, records, ended(view))
    else:
        with pytest.raises((StepFailedError, UnknownError)):
            finish(bench.services, kind, records, ended(view))
    assert bench.mgn.logs_asked == (["mgnjob-1"] if is_read else [])


@pytest.mark.parametrize(
    ("view", "log", "code"),
    [(job(launch_status={ONE: "FAILED"}), CLEAN, "LAUNCH_FAILED"), (job(), STALE, "STALE_SNAPSHOT")],
    ids=["failed", "old snapshot"],
)
def test_a_failed_launch_is_noted_with_its_reason(bench: Bench, view: JobView, log: Any, code: str) -> None:
    records = launching(bench)
    bench.mgn.log = log
    with pytest.raises(StepFailedError, match="did not launch every server") as caught:
        finish(bench.services, CUTOVER, records, ended(view))
    [record] = bench.stored()
    assert (record.phase, record.error_code) == (Phase.CUTTING_OVER, code)
    assert record.error_message == caught.value.context["failed"][ONE]
    outcome = "FAILED" if code == "LAUNCH_FAILED" else code
    assert record.intents["START_CUTOVER"].outcome == outcome


def test_an_old_snapshot_is_no_failure_of_a_test(bench: Bench) -> None:
    bench.mgn.log = STALE
    [record] = finish(bench.services, TEST, launching(bench, Action.TEST), ended(job(Action.TEST)))
    assert record.phase is Phase.TEST_LAUNCHED


def test_without_a_verdict_nothing_is_written(bench: Bench) -> None:
    records = launching(bench)
    with pytest.raises(UnknownError, match="no verdict") as caught:
        finish(bench.services, CUTOVER, records, ended(job(launch_status={ONE: None})))
    assert set(caught.value.context["unknown"]) == {ONE}
    assert caught.value.context["unjudged"] == []
    assert bench.stored() == records
    assert bench.emitted == []


def test_each_server_has_its_own_verdict(bench: Bench) -> None:
    records = launching(bench, count=3)
    bench.mgn.log = CLEAN
    status = {ONE: "LAUNCHED", TWO: "FAILED", server_id(3): None}
    with pytest.raises(StepFailedError) as caught:
        finish(bench.services, CUTOVER, records, ended(job(launch_status=status)))
    assert set(caught.value.context["failed"]) == {TWO}
    assert set(caught.value.context["unknown"]) == {server_id(3)}
    phases = [one.phase for one in bench.stored()]
    assert phases == [Phase.CUTOVER_LAUNCHED, Phase.CUTTING_OVER, Phase.CUTTING_OVER]


def test_a_failed_server_makes_the_log_of_a_test_be_read_for_its_cause(bench: Bench) -> None:
    records = launching(bench, Action.TEST, count=2)
    bench.mgn.log = [{"event": "LAUNCH_FAILED", "eventData": {"sourceServerID": TWO, "rawError": "no quota"}}]
    view = job(Action.TEST, launch_status={ONE: "LAUNCHED", TWO: "FAILED"})
    with pytest.raises(StepFailedError) as caught:
        finish(bench.services, TEST, records, ended(view))
    assert "no quota" in caught.value.context["failed"][TWO]


@pytest.mark.parametrize("known", [{"job_id": "mgnjob-2"}, {"outcome": "FAILED"}, {"job_id": None}], ids=str)
def test_a_job_that_a_record_does_not_follow_judges_nothing(bench: Bench, known: dict[str, Any]) -> None:
    records = launching(bench, **known)
    bench.mgn.log = CLEAN
    with pytest.raises(UnknownError, match="no verdict") as caught:
        finish(bench.services, CUTOVER, records, ended(job()))
    assert caught.value.context["unjudged"] == [ONE]
    assert bench.stored() == records


def test_a_record_without_an_intent_follows_nothing(bench: Bench) -> None:
    records = bench.records(phase=Phase.CUTTING_OVER)
    with pytest.raises(UnknownError):
        finish(bench.services, CUTOVER, records, ended(job()))


def test_nothing_to_judge_is_no_fault(bench: Bench) -> None:
    assert finish(bench.services, CUTOVER, [], ended()) == []


def test_a_job_that_did_not_end_in_time(bench: Bench) -> None:
    with pytest.raises(StepTimedOutError, match="did not end in time") as caught:
        finish(bench.services, CUTOVER, launching(bench), ended(job(), reason=Reason.TIMED_OUT))
    assert caught.value.context == {"jobIds": ["mgnjob-1"]}


@pytest.mark.parametrize("observed", [{"view": None}, {}, {"view": {}}], ids=str)
def test_a_job_that_mgn_no_longer_lists(bench: Bench, observed: Any) -> None:
    with pytest.raises(UnknownError, match="no longer lists") as caught:
        finish(bench.services, CUTOVER, launching(bench), ended(job(), **{"mgnjob-9": observed}))
    assert caught.value.context == {"jobIds": ["mgnjob-9"]}


# --- the whole course -------------------------------------------------------------------------------------------------


class Gate:
    """Hands out the records, and passes all of them unless told."""

    def __init__(self, bench: Bench, answer: Any = None) -> None:
        self.bench, self.answer, self.asked = bench, answer, 0

    def take_up(self, *_: Any) -> list[Record]:
        return self.bench.stored()

    def judge(self, services: Any, inp: Any, records: list[Record]) -> Any:
        self.asked += 1
        return Passed(records, {}) if self.answer is None else self.answer


def register(bench: Bench, phase: Phase = Phase.PLANNED) -> None:
    for server in APP.servers:
        new = Record(server.migration_id, "wave-1", "app", server.source_server_id, Phase.PLANNED)
        stored = bench.services.ledger.write([new], [new], "registered", holder=bench.services.holder)
        if phase is not Phase.PLANNED:
            bench.services.ledger.write(stored, [stored[0].to(phase)], "on", holder=bench.services.holder)


def run(bench: Bench, gate: Gate, given: StepInput | None = None) -> Any:
    return run_launch(bench.services, given or inp(), TEST, LaunchGate(gate.take_up, gate.judge))


def test_a_launch_from_gate_to_done(bench: Bench) -> None:
    register(bench)
    gate = Gate(bench)
    wait = run(bench, gate)
    assert (gate.asked, wait.subjects) == (1, ("mgnjob-100",))
    done = replace(bench.mgn.jobs[0], status="COMPLETED", launch_status={ONE: "LAUNCHED", TWO: "LAUNCHED"})
    done = replace(done, instance_ids={ONE: "i-1", TWO: "i-2"})
    resumed = inp(carried(wait), observed={done.job_id: {"view": done.as_document()}})
    result = run(bench, gate, resumed)
    assert isinstance(result, Done)
    assert result.result == {"appName": "app", "instances": {ONE: "i-1", TWO: "i-2"}, "jobs": ["mgnjob-100"]}
    assert gate.asked == 1
    # Once more: nothing acts any more, and the gate is not asked.
    assert run(bench, gate) == result
    assert gate.asked == 1
    assert len(bench.mgn.sent) == 1


def test_after_a_wait_for_something_else_the_gate_is_asked_again(bench: Bench) -> None:
    register(bench)
    gate = Gate(bench)
    assert run(bench, gate, inp(LaunchCarry(launch_deadline=DEADLINE))).subjects == ("mgnjob-100",)
    assert gate.asked == 1


def test_a_gate_that_may_open_later_is_waited_for(bench: Bench) -> None:
    register(bench)
    later = Wait(Topic.CLOCK, (), {"at": 1.0}, 1.0, 2.0, "later")
    assert run(bench, Gate(bench, later)) is later
    assert bench.mgn.sent == []


def test_what_is_not_known_is_waited_for_before_the_gate(bench: Bench) -> None:
    register(bench, Phase.TEST_LAUNCHING)
    bench.with_intent(bench.stored())
    gate = Gate(bench)
    assert run(bench, gate).topic is Topic.CLOCK
    assert gate.asked == 0


def test_a_gate_that_finds_nothing_to_launch_ends_the_step(bench: Bench) -> None:
    register(bench)
    past = [one.to(Phase.TESTED, job_id="mgnjob-7") for one in bench.stored()]
    result = run(bench, Gate(bench, Passed([], past=past)))
    assert result == Done({"appName": "app", "instances": {ONE: None, TWO: None}, "jobs": ["mgnjob-7"]})
    with pytest.raises(StepFailedError, match="not there yet"):
        run(bench, Gate(bench, Passed([])))


def test_a_late_job_is_not_missed(bench: Bench) -> None:
    register(bench, Phase.TEST_LAUNCHING)
    bench.with_intent(bench.stored(), outcome=NOTHING_HAPPENED)
    bench.mgn.jobs = [tagged("intent-1", 7, Action.TEST, 1, 2)]
    assert run(bench, Gate(bench)).subjects == ("mgnjob-7",)
    assert bench.mgn.sent == []
