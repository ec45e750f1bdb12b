"""StartTest, StartCutover and TerminateTargetInstances are sent at most once per intent, whatever happens to them.

What took effect is counted in the sandbox's own jobs, not in the calls.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from migration_ops.aws.errors import AccessDeniedError, ConflictError
from migration_ops.core.errors import OutcomeUnknownError, StepFailedError, StepTimedOutError
from migration_ops.wave.launching.intents import NOTHING_HAPPENED
from tests.wave.steps.wave_driver import (
    FAST,
    Driver,
    MgnProxy,
    jobs_of,
    kill_after,
    kill_before,
    killed,
    without_job_tags,
)


@dataclass(frozen=True)
class Call:
    """One of the three calls, the step that sends it, and where a server is when that step is its next."""

    operation: str
    method: str
    action: str
    step: str
    phase_after: str
    seeded: dict[str, Any]
    conf: dict[str, Any]


READY = {"state": "READY_FOR_CUTOVER"}
TEST = Call("StartTest", "start_test", "START_TEST", "test_launch", "TEST_LAUNCHED", {}, {})
CUTOVER = Call("StartCutover", "start_cutover", "START_CUTOVER", "cutover", "CUTOVER_LAUNCHED", READY, {})
# A left-over test instance: without a test launch, marking ready is the first thing to do.
TERMINATE = Call(
    "TerminateTargetInstances",
    "terminate_instances",
    "TERMINATE",
    "mark_ready",
    "READY",
    {"launched": True, **READY},
    {"testLaunch": False},
)
CALLS = [TEST, CUTOVER, TERMINATE]
every_call = pytest.mark.parametrize("call", CALLS, ids=[one.operation for one in CALLS])
with_and_without_tags = pytest.mark.parametrize(
    ("call", "tags"), [(TEST, True), (CUTOVER, False)], ids=["StartTest, tags", "StartCutover, no tags"]
)


@pytest.fixture
def at(wave: Any) -> Any:
    """The run right before a call."""

    def make(call: Call, servers: int = 1, **conf: Any) -> Driver:
        seeded = [dict(call.seeded) for _ in range(servers)]
        driver = wave({"appName": "app", "servers": seeded}, **call.conf, **conf)
        driver.register()
        if call is CUTOVER:
            driver.step("test_launch", "app")
            driver.pass_go_no_go()
        return driver

    return make


def assert_done_once(driver: Driver, call: Call) -> None:
    driver.assert_jobs(call.action, "app", 1)
    assert driver.phases("app") == {call.phase_after}


FAULTS = [(call, kind) for call in CALLS for kind in ("dropAfter", "dropBefore", "throttle")]
FAULTS += [(CUTOVER, kind) for kind in ("error500After", "timeoutAfter", "timeout", "error503")]


@pytest.mark.parametrize(("call", "kind"), FAULTS, ids=[f"{call.operation}-{kind}" for call, kind in FAULTS])
def test_a_fault_of_the_call_leads_to_one_job(at: Any, box: Any, call: Call, kind: str) -> None:
    driver = at(call)
    box.client.add_fault(kind, service="mgn", operation=call.operation, times=1, seconds=0.05)
    driver.step(call.step, "app")
    assert_done_once(driver, call)
    assert box.client.faults()[0]["fired"] == 1


def test_a_call_that_is_throttled_again_and_again_goes_on(at: Any, box: Any) -> None:
    driver = at(CUTOVER)
    box.client.add_fault("throttle", service="mgn", operation="StartCutover", times=3)
    driver.step("cutover", "app")
    assert_done_once(driver, CUTOVER)


@pytest.mark.parametrize(
    ("call", "job_quota_error"),
    [(one, "ConflictException") for one in CALLS] + [(TEST, "ServiceQuotaExceededException")],
    ids=lambda one: one if isinstance(one, str) else one.operation,
)
def test_a_used_up_quota_is_waited_for(at: Any, box: Any, call: Call, job_quota_error: str) -> None:
    driver = at(call)
    box.client.set_quotas(active_jobs=0, job_quota_error=job_quota_error)
    wait = driver.advance(call.step, "app")
    again = driver.advance(call.step, "app")
    box.client.set_quotas(active_jobs=20)
    driver.step(call.step, "app")
    assert "later" in wait.why
    assert "later" in again.why
    assert_done_once(driver, call)


def test_a_quota_that_never_frees_times_out_with_nothing_started(at: Any, box: Any) -> None:
    call, driver = CUTOVER, at(CUTOVER)
    driver = replace(driver, services=replace(driver.services, settings=replace(FAST, job_timeout_minutes=0.003)))
    box.client.set_quotas(active_jobs=0)
    with pytest.raises(StepTimedOutError):
        driver.step(call.step, "app")
    driver.assert_jobs(call.action, "app", 0)


def test_full_by_count_is_a_quota_even_when_mgn_does_not_say_so(
    at: Any, box: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, driver = CUTOVER, at(CUTOVER)
    monkeypatch.setattr("migration_ops.wave.launching.at_most_once.JOBS_IN_FLIGHT_QUOTA", 0)
    box.client.add_fault("conflict", service="mgn", operation=call.operation, times=1)
    driver.step(call.step, "app")
    assert_done_once(driver, call)


@pytest.mark.parametrize("call", [CUTOVER, TERMINATE], ids=["StartCutover", "TerminateTargetInstances"])
def test_a_refusal_is_final_and_the_next_attempt_is_sent_after_clearing(at: Any, box: Any, call: Call) -> None:
    driver = at(call)
    box.client.add_fault("accessDenied", service="mgn", operation=call.operation, times=1)
    with pytest.raises(AccessDeniedError):
        driver.step(call.step, "app")
    driver.assert_jobs(call.action, "app", 0)
    assert {r.error_code for r in driver.records("app")} == {"ACCESS_DENIED"}
    driver.step(call.step, "app")
    assert_done_once(driver, call)
    assert {r.intents[call.action].attempt for r in driver.records("app")} == {2}


@pytest.mark.parametrize("call", [CUTOVER], ids=["StartCutover"])
def test_a_conflict_that_nothing_explains_is_a_refusal(at: Any, box: Any, call: Call) -> None:
    driver = at(call)
    box.client.add_fault("conflict", service="mgn", operation=call.operation, times=1)
    with pytest.raises(ConflictError):
        driver.step(call.step, "app")
    driver.assert_jobs(call.action, "app", 0)
    driver.step(call.step, "app")
    assert_done_once(driver, call)


@pytest.mark.parametrize(
    ("call", "foreign", "tags"), [(TEST, 2, {"by": "somebody"}), (CUTOVER, 1, {})], ids=["tagged", "other servers"]
)
def test_a_foreign_job_is_refused_and_never_adopted(at: Any, box: Any, call: Call, foreign: int, tags: Any) -> None:
    """Somebody starts the same from the console between our last look and our call."""
    driver = at(call, servers=2)
    box.client.set_speed(1)
    hook, ids = driver.services.mgn, driver.servers("app")[:foreign]

    def just_in_time(wanted: Any, our_tags: Any) -> Any:
        getattr(hook, call.method)(ids, tags)
        return getattr(hook, call.method)(wanted, our_tags)

    mgn = MgnProxy(hook, **{call.method: just_in_time})
    racing = replace(driver, services=replace(driver.services, mgn=mgn))
    with pytest.raises(StepFailedError, match="another MGN job"):
        racing.advance(call.step, "app")
    assert {r.intents[call.action].job_id for r in driver.records("app")} == {None}


@with_and_without_tags
def test_a_foreign_job_from_just_before_is_not_ours(at: Any, box: Any, call: Call, tags: bool) -> None:
    """It is over before we come, within the allowance for clocks that differ, and our own call is lost."""
    driver = at(call)
    driver = driver if tags else without_job_tags(driver)
    getattr(driver.services.mgn, call.method)(driver.servers("app"), {})
    box.client.advance(3600)
    foreign = jobs_of(box, call.action, driver.servers("app")[0])[-1]
    # Whoever launched it took it back: one that is still on is refused (test_foreign_launches).
    for server in driver.servers("app"):
        state = "READY_FOR_CUTOVER" if call is CUTOVER else "READY_FOR_TEST"
        box.client.patch_server(server, lifecycleState=state)
    box.client.add_fault("dropBefore", service="mgn", operation=call.operation, times=1)
    driver.step(call.step, "app")
    driver.assert_jobs(call.action, "app", 2)
    assert foreign.job_id not in {r.intents[call.action].job_id for r in driver.records("app")}


@every_call
def test_killed_between_intent_and_send(at: Any, call: Call) -> None:
    driver = at(call)
    with killed():
        kill_before(driver, call.method).step(call.step, "app")
    driver.assert_jobs(call.action, "app", 0)
    assert all(r.intents[call.action].outcome is None for r in driver.records("app"))
    driver.step(call.step, "app")
    assert_done_once(driver, call)


@every_call
def test_killed_between_send_and_record(at: Any, call: Call) -> None:
    driver = at(call)
    with killed():
        kill_after(driver, call.method).step(call.step, "app")
    driver.assert_jobs(call.action, "app", 1)
    assert all(r.intents[call.action].job_id is None for r in driver.records("app"))
    driver.step(call.step, "app")
    assert_done_once(driver, call)


def test_killed_again_while_looking_it_up(at: Any) -> None:
    call, driver = CUTOVER, at(CUTOVER)
    with killed():
        kill_after(driver, call.method).step(call.step, "app")
    with killed():
        kill_before(driver, "jobs_since").step(call.step, "app")
    driver.step(call.step, "app")
    assert_done_once(driver, call)


@pytest.mark.parametrize(
    ("call", "fault"),
    [(TEST, "killed"), (CUTOVER, "dropAfter"), (TERMINATE, "dropAfter"), (TERMINATE, "killed")],
    ids=lambda one: one if isinstance(one, str) else one.operation,
)
def test_without_tags_in_the_answers_the_servers_tell(at: Any, box: Any, call: Call, fault: str) -> None:
    driver = without_job_tags(at(call))
    if fault == "killed":
        with killed():
            kill_after(driver, call.method).step(call.step, "app")
    else:
        box.client.add_fault(fault, service="mgn", operation=call.operation, times=1)
    driver.step(call.step, "app")
    assert_done_once(driver, call)


@with_and_without_tags
def test_a_job_of_an_earlier_attempt_is_never_adopted(at: Any, box: Any, call: Call, tags: bool) -> None:
    driver = at(call)
    driver = driver if tags else without_job_tags(driver)
    for server in driver.servers("app"):
        box.client.add_fault("launchFailure", times=1, serverIds=[server])
    with pytest.raises(StepFailedError, match="did not launch"):
        driver.step(call.step, "app")
    [first] = jobs_of(box, call.action, driver.servers("app")[0])
    box.client.add_fault("dropBefore", service="mgn", operation=call.operation, times=1)
    driver.step(call.step, "app")
    driver.assert_jobs(call.action, "app", 2)
    assert {r.intents[call.action].job_id for r in driver.records("app")}.isdisjoint({first.job_id})
    assert driver.phases("app") == {call.phase_after}


def test_nothing_is_concluded_before_the_answer_had_time(at: Any) -> None:
    """The call is still under way somewhere when a new process looks: it waits, then adopts."""
    call, driver = CUTOVER, at(CUTOVER)
    with killed():
        kill_before(driver, call.method).step(call.step, "app")
    wait = driver.advance(call.step, "app")
    assert "waiting before believing" in wait.why
    assert wait.until["at"] >= driver.services.epoch() + 0.5 * FAST.settle_seconds
    [record, *_] = driver.records("app")
    tags = {"migration-ops:intent": record.intents[call.action].intent_id}
    getattr(driver.services.mgn, call.method)(driver.servers("app"), tags)
    driver.step(call.step, "app")
    assert_done_once(driver, call)


def test_the_call_takes_effect_after_it_was_given_up(at: Any, box: Any) -> None:
    """Later than anybody waits: the same intent is sent again, gets a conflict, and finds its own job."""
    driver = at(TEST)
    hook, late = driver.services.mgn, []

    def slow(ids: Any, tags: Any) -> Any:
        if not late:
            late.append((ids, tags))
            raise OutcomeUnknownError("no answer")
        box.client.set_speed(1)
        hook.start_test(*late[0])
        try:
            return hook.start_test(ids, tags)
        finally:
            box.client.set_speed(20_000)

    driver = replace(driver, services=replace(driver.services, mgn=MgnProxy(hook, start_test=slow)))
    driver.step("test_launch", "app")
    assert_done_once(driver, TEST)
    assert {r.intents["START_TEST"].attempt for r in driver.records("app")} == {1}


def test_what_was_never_sent_passes_the_gates_again(at: Any, box: Any) -> None:
    """A worker died before it sent StartCutover. A day later the lag is an hour: clearing the task sends nothing."""
    driver = at(CUTOVER, finalSync={"timeoutMinutes": 0.005})
    with killed():
        kill_before(driver, "start_cutover").step("cutover", "app")
    for server in driver.servers("app"):
        box.client.patch_server(server, lagSeconds=3600)
    with pytest.raises(StepTimedOutError, match="final replication gate"):
        driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 0)
    assert {r.intents["START_CUTOVER"].outcome for r in driver.records("app")} == {NOTHING_HAPPENED}
    for server in driver.servers("app"):
        box.client.patch_server(server, lagSeconds=None)
    driver.step("cutover", "app")
    assert_done_once(driver, CUTOVER)


def test_a_throttled_cutover_passes_the_gates_again(at: Any, box: Any) -> None:
    driver = at(CUTOVER, finalSync={"timeoutMinutes": 0.005})
    box.client.add_fault("throttle", service="mgn", operation="StartCutover", times=1)
    wait = driver.advance("cutover", "app")
    assert "later" in wait.why
    box.client.patch_server(driver.servers("app")[0], lagSeconds=3600)
    with pytest.raises(StepTimedOutError):
        driver.step("cutover", "app")
    driver.assert_jobs("START_CUTOVER", "app", 0)


def test_batches_have_a_job_each(at: Any, box: Any) -> None:
    driver = at(TEST, servers=5)
    driver = replace(driver, services=replace(driver.services, settings=replace(FAST, launch_batch_size=2)))
    box.client.add_fault("dropAfter", service="mgn", operation="StartTest", times=1)
    box.client.add_fault("dropBefore", service="mgn", operation="StartTest", times=1)
    driver.step("test_launch", "app")
    driver.assert_jobs("START_TEST", "app", 1)
    assert driver.phases("app") == {"TEST_LAUNCHED"}
    assert len({r.job_id for r in driver.records("app")}) == 3


def test_a_second_batch_that_is_refused_leaves_the_first_one_followed(at: Any, box: Any) -> None:
    driver = at(TEST, servers=3)
    driver = replace(driver, services=replace(driver.services, settings=replace(FAST, launch_batch_size=2)))
    last = driver.servers("app")[-1]
    box.client.add_fault("accessDenied", service="mgn", operation="StartTest", serverIds=[last], times=1)
    with pytest.raises(AccessDeniedError):
        driver.step("test_launch", "app")
    driver.step("test_launch", "app")
    driver.assert_jobs("START_TEST", "app", 1)
    assert driver.phases("app") == {"TEST_LAUNCHED"}


def test_the_ledger_does_not_answer_right_after_the_send(at: Any, box: Any) -> None:
    call, driver = CUTOVER, at(CUTOVER)
    hook, sent = driver.services.mgn, []

    def send(ids: Any, tags: Any) -> Any:
        job = getattr(hook, call.method)(ids, tags)
        if not sent:
            sent.append(job)
            box.client.add_fault("error500", service="dynamodb", operation="TransactWriteItems", times=2)
        return job

    driver = replace(driver, services=replace(driver.services, mgn=MgnProxy(hook, **{call.method: send})))
    driver.retried(call.step, "app")
    assert_done_once(driver, call)


def test_the_lookup_itself_fails_and_is_tried_again(at: Any, box: Any) -> None:
    call, driver = CUTOVER, at(CUTOVER)
    box.client.add_fault("dropAfter", service="mgn", operation=call.operation, times=1)
    hook, failing = driver.services.mgn, [True]

    def jobs_since(moment: Any) -> Any:
        if failing:
            failing.clear()
            raise OutcomeUnknownError("DescribeJobs did not answer")
        return hook.jobs_since(moment)

    driver = replace(driver, services=replace(driver.services, mgn=MgnProxy(hook, jobs_since=jobs_since)))
    driver.retried(call.step, "app")
    assert not failing
    assert_done_once(driver, call)


NAMES = {"appName": "Finance (EU) & R&D, phase #2", "servers": 1}


@pytest.mark.parametrize("sent_by", ["today", "the release before"])
def test_names_that_are_no_tag_values_are_launched_and_found_again(wave: Any, box: Any, sent_by: str) -> None:
    """Adoption goes by the intent, whatever the other tags of the job say."""
    driver = wave(NAMES, wave="Wave [3] 50%")
    driver.register()
    with killed():
        kill_after(driver, "start_test").step("test_launch", NAMES["appName"])
    [server] = driver.plan.server_ids
    [job] = jobs_of(box, "START_TEST", server)
    assert job.tags["migration-ops:wave"].startswith("Wave -3- 50-")
    assert job.tags["migration-ops:application"].startswith("Finance -EU- - R-D- phase -2")
    if sent_by != "today":
        job.tags |= {"migration-ops:wave": "Wave [3] 50%", "migration-ops:application": NAMES["appName"]}
    driver.step("test_launch", NAMES["appName"])
    driver.assert_jobs("START_TEST", NAMES["appName"], 1)
    assert driver.phases(NAMES["appName"]) == {"TEST_LAUNCHED"}
