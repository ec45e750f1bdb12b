"""The operators of steps on the sandbox: they defer, go on, and launch once, whatever happens to task or call."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.sandbox.sandbox import Sandbox
from migration_ops.aws.errors import AccessDeniedError
from migration_ops.aws.mgn.hook import MgnHook
from migration_ops.core.documents import canonical_digest
from migration_ops.core.errors import InvalidInputError
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.operators.triggers import WatchTrigger
from migration_ops.operators.wave.gates import GATE_KEY
from migration_ops.operators.wave.step import LaunchOperator, StepOperator
from migration_ops.operators.wave.wave import PlanOperator, PreflightOperator
from migration_ops.wave.permission import PlanMismatchError
from tests.operators.wave.run import Killed, Run
from tests.wave.steps.wave_driver import jobs_of

Wave = Callable[..., Run]


@pytest.fixture
def begun(wave: Wave) -> Wave:
    """A run after its preflight."""

    def make(**conf: Any) -> Run:
        run = wave(**conf)
        run.do(PlanOperator(task_id="plan"))
        run.do(PreflightOperator(task_id="preflight"))
        return run

    return make


def app_of(run: Run) -> dict[str, Any]:
    found: dict[str, Any] = run.values["plan", "plan"]["applications"][0]
    return found


def launch(run: Run) -> LaunchOperator:
    return LaunchOperator(task_id="test_launch", step="test_launch", app=app_of(run))


def look(run: Run) -> StepOperator:
    return StepOperator(task_id="replication_ready", step="replication_ready", app=app_of(run))


def jobs(run: Run) -> int:
    return len(jobs_of(run.box, "START_TEST", run.servers()[0]))


class TestLaunch:
    def test_it_defers_on_our_trigger_and_ends_with_job_and_links(self, begun: Wave) -> None:
        run = begun()
        answer = run.do(launch(run))
        assert {type(one) for one in run.deferred} == {WatchTrigger}
        assert {one.phase for one in run.records()} == {Phase.TEST_LAUNCHED}
        assert (len(answer["jobs"]), jobs(run)) == (1, 1)
        assert answer["jobs"] == [run.values["test_launch", "_mgn_job"]["job_id"]]

    def test_a_refused_launch_is_red_and_noted(self, begun: Wave, box: Sandbox) -> None:
        run = begun()
        box.client.add_fault("accessDenied", service="mgn", operation="StartTest", times=1)
        with pytest.raises(AccessDeniedError):
            run.do(launch(run))
        assert ({one.error_code for one in run.records()}, jobs(run)) == ({"ACCESS_DENIED"}, 0)

    def test_a_lost_answer_leads_to_one_job(self, begun: Wave, box: Sandbox) -> None:
        run = begun()
        box.client.add_fault("dropAfter", service="mgn", operation="StartTest", times=1)
        run.do(launch(run))
        assert ({one.phase for one in run.records()}, jobs(run)) == ({Phase.TEST_LAUNCHED}, 1)

    def test_killed_after_the_call_it_finds_its_job_again(self, begun: Wave, monkeypatch: pytest.MonkeyPatch) -> None:
        def send_and_die(hook: MgnHook, *arguments: Any) -> None:
            sent(hook, *arguments)
            raise Killed

        run, sent = begun(), MgnHook.start_test
        with monkeypatch.context() as patch:
            patch.setattr(MgnHook, "start_test", send_and_die)
            with pytest.raises(Killed):
                run.do(launch(run))
        assert {one.intents["START_TEST"].job_id for one in run.records()} == {None}
        run.do(launch(run))
        assert ({one.phase for one in run.records()}, jobs(run)) == ({Phase.TEST_LAUNCHED}, 1)

    def test_cleared_while_it_waits_it_follows_its_job(self, begun: Wave) -> None:
        run = begun()
        run.until_it_defers(launch(run))
        run.do(launch(run))
        run.do(launch(run))
        assert jobs(run) == 1


class TestStep:
    def test_a_wait_is_deferred_and_gone_on_with(self, begun: Wave) -> None:
        run = begun()
        deferred = run.until_it_defers(look(run))
        assert deferred.method_name == "resume"
        assert deferred.trigger.subjects == run.servers()
        assert run.do(look(run))

    def test_a_refused_read_is_red(self, begun: Wave, box: Sandbox) -> None:
        run = begun()
        box.client.patch_server(run.servers()[0], replicationState="DISCONNECTED")
        with pytest.raises(Exception, match="DISCONNECTED") as failed:
            run.do(look(run))
        assert not getattr(failed.value, "retryable", False)
        assert all(one.error_code for one in run.records())

    def test_killed_in_its_first_stint_it_begins_again(self, begun: Wave, monkeypatch: pytest.MonkeyPatch) -> None:
        def die(*_: Any) -> None:
            raise Killed

        run = begun()
        before = run.records()
        with monkeypatch.context() as patch:
            patch.setattr("migration_ops.operators.wave.step.STEPS", {"replication_ready": die})
            with pytest.raises(Killed):
                run.do(look(run))
        assert run.records() == before
        assert run.do(look(run))

    def test_cleared_it_says_the_same(self, begun: Wave) -> None:
        run = begun()
        first = run.do(look(run))
        assert run.do(look(run)).keys() == first.keys()

    @pytest.mark.parametrize("step", ["go_no_go", "cutover_window", "soak"])
    def test_after_a_dry_run_what_is_of_the_whole_wave_is_skipped(self, begun: Wave, box: Sandbox, step: str) -> None:
        run = begun(dryRun=True)
        box.calls.clear()
        with pytest.raises(AirflowSkipException):
            run.do(StepOperator(task_id=step, step=step))
        assert box.calls.counts() == []

    def test_without_a_plan_it_is_skipped(self, wave: Wave) -> None:
        run = wave()
        run.states["plan"] = "failed"
        with pytest.raises(AirflowSkipException):
            run.do(StepOperator(task_id="go_no_go", step="go_no_go"))

    def test_a_step_that_does_not_exist_is_no_task(self) -> None:
        with pytest.raises(InvalidInputError):
            StepOperator(task_id="any", step="no_such_step")


class TestForged:
    """What whoever may edit XComs could do."""

    def test_an_application_that_is_not_the_plans_is_refused(self, begun: Wave) -> None:
        run = begun()
        document = app_of(run)
        operator = LaunchOperator(task_id="test_launch", step="test_launch", app=document | {"impact": "low"})
        with pytest.raises(PlanMismatchError, match="not as the plan has it"):
            run.do(operator)
        assert (run.values["test_launch", GATE_KEY]["code"], jobs(run)) == ("PLAN_MISMATCH", 0)

    def test_a_plan_with_another_hash_or_none_of_its_own_is_refused(self, begun: Wave) -> None:
        run = begun()
        true = copy.deepcopy(run.values["plan", "plan"])
        for is_hashed in (False, True):
            plan = run.values["plan", "plan"] = copy.deepcopy(true)
            plan["conf"]["finalSync"]["maxLagSeconds"] = 86_400
            if is_hashed:
                conf = {key: value for key, value in plan["conf"].items() if key not in ("applications", "dryRun")}
                plan["planHash"] = canonical_digest({"applications": plan["applications"], "conf": conf})
            with pytest.raises(PlanMismatchError, match="was registered by run" if is_hashed else "its hash"):
                run.do(launch(run))
            with pytest.raises(PlanMismatchError):
                run.do(StepOperator(task_id="test_verify", step="test_verify", app=app_of(run)))
        assert ({one.phase for one in run.records()}, jobs(run)) == ({Phase.PLANNED}, 0)
        run.values["plan", "plan"] = true
        run.do(launch(run))
        assert jobs(run) == 1

    def test_preflight_registers_only_what_the_runs_conf_makes(self, wave: Wave) -> None:
        run = wave(dryRun=True)
        run.do(PlanOperator(task_id="plan"))
        run.values["plan", "plan"]["conf"]["dryRun"] = False
        with pytest.raises(PlanMismatchError, match="not what this run's conf makes"):
            run.do(PreflightOperator(task_id="preflight"))
        assert run.records() == []

    def test_a_wave_that_an_earlier_version_registered_goes_on(self, begun: Wave) -> None:
        run = begun()
        [record] = run.records()
        facts = {key: value for key, value in record.facts.items() if key != "registered"}
        run.ledger.write([record], [replace(record, facts=facts)], "as it was")
        run.do(launch(run))
        assert jobs(run) == 1


def test_a_stint_reads_the_application_once_for_its_registration_and_its_work(
    begun: Wave, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, read = begun(), DynamoDbLedger.read
    reads: list[list[str]] = []

    def counted(ledger: DynamoDbLedger, ids: list[str]) -> Any:
        reads.append(ids)
        return read(ledger, ids)

    monkeypatch.setattr(DynamoDbLedger, "read", counted)
    run.until_it_defers(look(run))
    assert len(reads) == 1
