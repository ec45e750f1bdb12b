"""Terminating once only, until EC2 shows no instance; and which instances count as left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError
from migration_ops.aws.mgn.servers import ServerView
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError, StepTimedOutError, ThrottledError
from migration_ops.core.states import Phase
from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.wave.launching import terminate as module
from migration_ops.wave.launching.carry import TerminationCarry
from migration_ops.wave.launching.intents import NOTHING_HAPPENED
from migration_ops.wave.launching.job_lookup import Action
from migration_ops.wave.launching.only_instance import (
    SecondInstanceError,
    both,
    only_instance_checks,
    require_no_second,
)
from migration_ops.wave.launching.terminate import (
    claims_of,
    closed,
    instances_alive,
    instances_by_tag,
    instances_left,
    terminate,
)
from migration_ops.wave.waits.outcome import Topic, Wait
from tests.wave.launching.bench import START, Bench, server_id, tagged

ONE, TWO = server_id(1), server_id(2)
SINCE = START.timestamp()
LATER = SINCE + 3600
CLAIMS = {ONE: ["i-1"]}


def go(bench: Bench, claims: Any = None, looked_since: float | None = None, deadline: float = LATER) -> Any:
    return terminate(bench.services, bench.stored(), claims or CLAIMS, looked_since, deadline, "app")


def carried(wait: Wait) -> TerminationCarry:
    return TerminationCarry.from_document(wait.carry)


@pytest.fixture
def up(bench: Bench) -> Bench:
    """One server whose instance runs."""
    bench.records(phase=Phase.READY)
    bench.ec2.instances = {"i-1": "running"}
    return bench


# --- the course -------------------------------------------------------------------------------------------------------


def test_nothing_alive_is_done(bench: Bench) -> None:
    bench.records()
    bench.ec2.instances = {"i-1": "terminated"}
    assert go(bench) is None
    assert go(bench, {ONE: ["i-9"]}) is None
    assert go(bench, {ONE: []}) is None
    assert bench.mgn.sent == []


def test_it_is_sent_once_and_its_job_waited_for(up: Bench) -> None:
    wait = go(up)
    assert (wait.topic, wait.subjects, wait.deadline) == (Topic.JOBS, ("mgnjob-100",), LATER)
    assert wait.poll_seconds == up.services.settings.job_poll_seconds
    assert "app: mgnjob-100" in wait.why
    assert carried(wait) == TerminationCarry(LATER, None, CLAIMS)
    assert go(up).subjects == ("mgnjob-100",)
    assert len(up.mgn.sent) == 1


def test_only_servers_with_an_instance_are_sent(bench: Bench) -> None:
    bench.records(2, Phase.READY)
    bench.ec2.instances = {"i-1": "terminated", "i-2": "stopped"}
    go(bench, {ONE: ["i-1"], TWO: ["i-2"]})
    assert [ids for _, ids, _ in bench.mgn.sent] == [[TWO]]


def test_an_unknown_outcome_is_waited_for(up: Bench) -> None:
    up.mgn.answers = [OutcomeUnknownError("no answer")]
    first = go(up)
    assert (first.topic, first.until["at"]) == (Topic.CLOCK, SINCE + 60)
    assert carried(first) == TerminationCarry(LATER, SINCE, CLAIMS)
    up.advance(30)
    again = go(up, looked_since=SINCE)
    assert carried(again).looked_since == SINCE
    assert again.until["at"] == SINCE + 60
    up.advance(30)
    assert go(up, looked_since=SINCE).subjects == ("mgnjob-100",)
    assert len(up.mgn.sent) == 2


def test_throttled_is_later(up: Bench) -> None:
    up.mgn.answers = [ThrottledError("slow down")]
    wait = go(up)
    assert wait.until["at"] == SINCE + 30
    assert "TERMINATE later" in wait.why


def test_a_refusal_is_raised(up: Bench) -> None:
    up.mgn.answers = [AccessDeniedError("no")]
    with pytest.raises(AccessDeniedError):
        go(up)


def over(bench: Bench, status: str | None = "TERMINATED", **known: Any) -> None:
    """The job is over; its server shows this launch status."""
    bench.with_intent(bench.stored(), Action.TERMINATE, **({"job_id": "mgnjob-1"} | known))
    job = tagged("intent-1", 1, Action.TERMINATE, status="COMPLETED")
    bench.mgn.jobs = [replace(job, launch_status={ONE: status})]


@pytest.mark.parametrize("status", ["TERMINATED", None, "PENDING"])
def test_after_the_job_the_instance_itself_is_waited_for(up: Bench, status: str | None) -> None:
    over(up, status)
    up.ec2.instances = {"i-1": "shutting-down"}
    wait = go(up)
    assert (wait.topic, wait.until["at"]) == (Topic.CLOCK, SINCE + 15)
    assert "['i-1'] go down" in wait.why
    assert up.mgn.sent == []


def test_an_instance_that_survived_its_job_is_a_failure_and_the_next_try_a_new_attempt(up: Bench) -> None:
    over(up, "FAILED")
    with pytest.raises(StepFailedError, match="termination protection") as caught:
        go(up)
    assert caught.value.context == {"instances": {ONE: ["i-1"]}}
    assert up.intent(1, Action.TERMINATE).outcome == "FAILED"
    assert up.history()[-1].event == "TERMINATE judged"
    go(up)
    assert up.intent(1, Action.TERMINATE).attempt == 2


def test_only_the_survivor_is_judged(bench: Bench) -> None:
    bench.records(2, Phase.READY)
    bench.ec2.instances = {"i-1": "running", "i-2": "shutting-down"}
    bench.with_intent(bench.stored(), Action.TERMINATE, job_id="mgnjob-1")
    job = tagged("intent-1", 1, Action.TERMINATE, 1, 2, status="COMPLETED")
    bench.mgn.jobs = [replace(job, launch_status={ONE: "FAILED", TWO: "TERMINATED"})]
    with pytest.raises(StepFailedError) as caught:
        go(bench, {ONE: ["i-1"], TWO: ["i-2"]})
    assert caught.value.context == {"instances": {ONE: ["i-1"]}}
    assert bench.intent(2, Action.TERMINATE).outcome is None


def test_a_job_that_runs_is_not_over(up: Bench) -> None:
    over(up, "FAILED")
    up.mgn.jobs = [replace(up.mgn.jobs[0], status="STARTED")]
    assert go(up).subjects == ("mgnjob-1",)


def test_a_job_that_was_judged_is_not_asked_for_again(up: Bench) -> None:
    over(up, "FAILED", outcome="FAILED")
    go(up)
    assert up.mgn.jobs_asked == []
    assert len(up.mgn.sent) == 1


def test_servers_of_another_job_are_not_its_survivors(bench: Bench) -> None:
    """One server's job is over and failed, the other server's still runs."""
    first, second = bench.records(2, Phase.READY)
    bench.ec2.instances = {"i-1": "running", "i-2": "running"}
    bench.with_intent([first], Action.TERMINATE, job_id="mgnjob-1")
    bench.with_intent([second], Action.TERMINATE, job_id="mgnjob-2", intent_id="intent-2")
    failed = replace(tagged("intent-1", 1, Action.TERMINATE, status="COMPLETED"), launch_status={ONE: "FAILED"})
    bench.mgn.jobs = [failed, tagged("intent-2", 2, Action.TERMINATE, 2)]
    with pytest.raises(StepFailedError) as caught:
        go(bench, {ONE: ["i-1"], TWO: ["i-2"]})
    assert caught.value.context == {"instances": {ONE: ["i-1"]}}


@pytest.mark.parametrize("seconds", [0.0, 1.0])
def test_the_deadline_ends_every_wait(up: Bench, seconds: float) -> None:
    with pytest.raises(StepTimedOutError, match="did not go away") as caught:
        go(up, deadline=SINCE - seconds)
    assert caught.value.context == {"appName": "app", "waiting": "jobs mgnjob-100"}
    over(up, job_id="mgnjob-1")
    with pytest.raises(StepTimedOutError):
        go(up, deadline=SINCE - seconds)
    assert go(up, deadline=SINCE + 1).deadline == SINCE + 1


# --- what is claimed and what is left ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("by_mgn", "by_ledger", "claimed"),
    [
        ("i-2", "i-1", ["i-1", "i-2"]),
        ("i-1", "i-1", ["i-1"]),
        (None, "i-1", ["i-1"]),
        ("i-2", None, ["i-2"]),
        (None, None, []),
    ],
)
def test_both_mgn_and_the_ledger_claim(bench: Bench, by_mgn: Any, by_ledger: Any, claimed: list[str]) -> None:
    records = bench.records(instance_id=by_ledger)
    assert claims_of(records, {ONE: ServerView(ONE, launched_instance_id=by_mgn)}) == {ONE: claimed}


@pytest.mark.parametrize(
    ("state", "is_alive"),
    [("running", True), ("stopped", True), ("pending", True), ("shutting-down", True), ("terminated", False)],
)
def test_alive_is_what_ec2_does_not_show_as_terminated(bench: Bench, state: str, is_alive: bool) -> None:
    bench.ec2.instances = {"i-1": state, "i-2": "terminated", "i-3": "running"}
    found = instances_alive(bench.services, {ONE: ["i-1", "i-2"], TWO: ["i-2"]})
    assert found == ({ONE: {"i-1"}} if is_alive else {})


def test_without_claims_ec2_is_not_asked(bench: Bench) -> None:
    def no_client(name: str) -> Any:
        raise AssertionError("there is nothing to ask")

    services = replace(bench.services, client=no_client)
    assert instances_alive(services, {}) == {}
    assert instances_alive(services, {ONE: []}) == {}
    assert instances_by_tag(services, []) == {}


def test_instances_by_tag(bench: Bench) -> None:
    bench.ec2.instances = {
        "i-1": "running",
        "i-2": "stopped",
        "i-3": "shutting-down",
        "i-4": "pending",
        "i-5": "stopping",
    }
    bench.ec2.tags = {"i-1": ONE, "i-2": ONE, "i-3": ONE, "i-4": TWO}
    found = instances_by_tag(bench.services, [ONE, TWO])
    assert found == {ONE: {"i-1": "running", "i-2": "stopped"}, TWO: {"i-4": "pending"}, "unknown": {"i-5": "stopping"}}
    assert instances_left(bench.services, [ONE, TWO])[ONE] == ["i-1", "i-2"]
    assert bench.ec2.asked[0]["tag:AWSApplicationMigrationServiceSourceServerID"] == [ONE, TWO]


def test_an_instance_without_a_state_is_still_listed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for state in (None, {}, {"Name": None}):
        shown = {"InstanceId": "i-1", "State": state}
        monkeypatch.setattr(
            bench.ec2, "_described", lambda shown=shown, **_: iter([{"Reservations": [{"Instances": [shown]}]}])
        )
        assert instances_by_tag(bench.services, [ONE]) == {"unknown": {"i-1": "state not given"}}


def test_the_sets_of_states() -> None:
    assert {"terminated"} == module._GONE
    assert {"FAILED"} == module._SURVIVED


# --- intents at the end -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        ({}, "TERMINATED"),
        ({"job_id": "mgnjob-1"}, "TERMINATED"),
        ({"outcome": NOTHING_HAPPENED}, "TERMINATED"),
        ({"outcome": "FAILED"}, "FAILED"),
        ({"outcome": "REFUSED"}, "REFUSED"),
    ],
)
def test_open_terminations_are_ended(bench: Bench, known: dict[str, str], outcome: str) -> None:
    [record] = closed(bench.with_intent(bench.records(), Action.TERMINATE, **known))
    assert record.intents["TERMINATE"].outcome == outcome


def test_without_a_termination_nothing_is_ended(bench: Bench) -> None:
    records = bench.records()
    assert closed(records) == records
    launched = bench.with_intent(records, Action.TEST)
    assert closed(launched) == launched


# --- one instance only ------------------------------------------------------------------------------------------------


def test_the_only_instance(bench: Bench) -> None:
    records = bench.records(2, instance_id="i-1")
    bench.ec2.instances, bench.ec2.tags = {"i-1": "running", "i-2": "running"}, {"i-1": ONE, "i-2": TWO}
    checks = only_instance_checks(bench.services, records)
    assert [checks[one].verdict for one in (ONE, TWO)] == [Verdict.OK, Verdict.BLOCKED]
    assert only_instance_checks(bench.services, []) == {}
    assert len(bench.ec2.asked) == 1


@pytest.mark.parametrize("error", [ThrottledError("slow"), AccessDeniedError("no")], ids=lambda one: one.code)
@pytest.mark.parametrize("retried", [False, True])
def test_what_ec2_does_not_answer_is_unknown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: Exception, retried: bool
) -> None:
    def refused(*_: Any) -> Any:
        raise error

    monkeypatch.setattr("migration_ops.wave.launching.only_instance.instances_by_tag", refused)
    records = bench.records(instance_id="i-1")
    if retried and isinstance(error, ThrottledError):
        with pytest.raises(ThrottledError):
            only_instance_checks(bench.services, records, retried=retried)
        return
    [check] = only_instance_checks(bench.services, records, retried=retried).values()
    assert (check.verdict, check.subject) == (Verdict.UNKNOWN, ONE)


def result(verdict: Verdict, reason: str) -> GateResult:
    return GateResult("boot", ONE, verdict, reason=reason)


@pytest.mark.parametrize("boot", Verdict)
@pytest.mark.parametrize("only", Verdict)
def test_the_worse_of_two_checks(boot: Verdict, only: Verdict) -> None:
    order = [Verdict.OK, Verdict.UNKNOWN, Verdict.BLOCKED]
    found = both(result(boot, "boot"), result(only, "only"))
    assert found.verdict is max(boot, only, key=order.index)
    if boot is only is not Verdict.OK:
        assert found.reason == "boot; only"
    elif boot is not only:
        assert found.reason == ("boot" if order.index(boot) > order.index(only) else "only")


def test_a_second_instance_is_refused() -> None:
    fine = {ONE: result(Verdict.OK, ""), TWO: result(Verdict.UNKNOWN, "who knows")}
    require_no_second(fine, "app")
    with pytest.raises(SecondInstanceError, match="second instance") as caught:
        require_no_second(fine | {TWO: result(Verdict.BLOCKED, "i-2 too")}, "app")
    assert caught.value.context == {"appName": "app", "servers": {TWO: "i-2 too"}}
