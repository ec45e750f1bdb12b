"""The operators of ``migration_rollback`` on the sandbox: selected, shown, released as the ledger says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.sandbox.sandbox import Sandbox
from migration_ops.core.change import PlanChangedError
from migration_ops.core.errors import BlockedError, FrozenError, InvalidInputError, MigrationError
from migration_ops.core.policy import PolicyError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Holder, LockHeldError
from migration_ops.operators.context import ResultLostError, services_of
from migration_ops.operators.wave import rollback as tasks
from migration_ops.operators.wave.rollback import (
    ReleaseOperator,
    RequestedRollbackOperator,
    SelectOperator,
    SheetOperator,
)
from migration_ops.operators.wave.step import LaunchOperator
from migration_ops.operators.wave.wave import PlanOperator, PreflightOperator
from migration_ops.wave.decisions import note_decision
from migration_ops.wave.permission import ApprovalVoidError, PlanMismatchError
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.steps.rollback_change import RollbackChange
from migration_ops.wave.steps.rollback_request import Dependants
from tests.operators.wave.run import Killed, Run, tried_again

Wave = Callable[..., Run]


@pytest.fixture
def launched(wave: Wave) -> Run:
    """A wave with a test instance, whose run is over."""
    run = wave()
    run.do(PlanOperator(task_id="plan"))
    run.do(PreflightOperator(task_id="preflight"))
    app = run.values["plan", "plan"]["applications"][0]
    run.do(LaunchOperator(task_id="test_launch", step="test_launch", app=app))
    return run


def rollback_of(run: Run, **conf: Any) -> Run:
    asked = {"wave": run.conf["wave"], "reason": "a test", "dryRun": False} | conf
    found = Run(run.box, asked, f"rollback-{run.run_id}", "migration_rollback", other_runs="failed")
    found.servers = run.servers  # type: ignore[method-assign]
    return found


def select(run: Run) -> Any:
    return run.do(SelectOperator(task_id="plan"))


def undo(run: Run, app: dict[str, Any]) -> Any:
    return run.do(RequestedRollbackOperator(task_id="rollback", app=app))


def holders(run: Run) -> set[str]:
    return {one.run_id for one in run.ledger.locks(run.servers()).values()}


class TestSelect:
    def test_what_the_ledger_has_of_the_wave_is_shown_and_taken_over(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        assert [one["sourceServerId"] for one in app["servers"]] == launched.servers()
        sheet = run.values["plan", "sheet"]
        assert (sheet["decision"], sheet["reason"]) == ("rollback", "a test")
        assert launched.servers()[0] in sheet["markdown"]
        assert holders(run) == {run.run_id}
        assert {one.phase for one in run.records()} == {Phase.TEST_LAUNCHED}

    def test_a_dry_run_shows_and_takes_nothing(self, launched: Run) -> None:
        run = rollback_of(launched, dryRun=True)
        assert select(run) == []
        assert launched.servers()[0] in run.note("plan")
        assert holders(run) == {launched.run_id}

    def test_what_the_ledger_does_not_know_is_refused_in_the_note(self, wave: Wave) -> None:
        run = rollback_of(wave(), wave="never-begun")
        with pytest.raises(InvalidInputError):
            select(run)
        assert "never-begun" in run.note("plan") or "migrationIds" in run.note("plan")
        assert ("plan", "plan") not in run.values

    @pytest.mark.parametrize(
        ("service", "operation"),
        [("dynamodb", "Query"), ("dynamodb", "BatchGetItem"), ("mgn", "DescribeSourceServers")],
    )
    def test_a_refused_read_shows_no_half_sheet(
        self, launched: Run, box: Sandbox, service: str, operation: str
    ) -> None:
        run = rollback_of(launched)
        box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
        with pytest.raises(MigrationError):
            select(run)
        box.faults.remove()
        assert ("plan", "sheet") not in run.values
        assert holders(run) == {launched.run_id}

    @pytest.mark.parametrize("kind", ["dropAfter", "dropBefore"])
    def test_a_lost_answer_of_the_take_over_leaves_one_holder(self, launched: Run, box: Sandbox, kind: str) -> None:
        run = rollback_of(launched)
        for operation in ("TransactWriteItems", "UpdateItem", "PutItem"):
            box.client.add_fault(kind, service="dynamodb", operation=operation, times=1)
        tried_again(lambda: select(run))
        assert holders(run) == {run.run_id}

    @pytest.mark.parametrize("is_taken", [False, True])
    def test_killed_around_the_take_over_it_shows_the_same_again(
        self, launched: Run, monkeypatch: pytest.MonkeyPatch, is_taken: bool
    ) -> None:
        def die(services: Any, plan: Any) -> None:
            if is_taken:
                take_over(services, plan)
            raise Killed

        run, take_over = rollback_of(launched), tasks.take_over_ended
        with monkeypatch.context() as patch:
            patch.setattr(tasks, "take_over_ended", die)
            with pytest.raises(Killed):
                select(run)
        digest = run.values["plan", "sheet"]["digest"]
        assert len(select(run)) == 1
        assert run.values["plan", "sheet"]["digest"] == digest
        assert holders(run) == {run.run_id}

    def test_cleared_the_approval_still_fits_what_is_shown(self, launched: Run) -> None:
        run = rollback_of(launched)
        select(run)
        digest = run.values["plan", "sheet"]["digest"]
        select(run)
        assert run.values["plan", "sheet"]["digest"] == digest

    @pytest.mark.parametrize("state", ["running", "queued", None])
    def test_what_a_run_under_way_holds_is_refused_before_anybody_is_asked(
        self, launched: Run, state: str | None
    ) -> None:
        run = rollback_of(launched)
        run.other_runs = state  # type: ignore[assignment]
        with pytest.raises(LockHeldError, match="mark the run as failed"):
            select(run)
        assert ("plan", "sheet") not in run.values
        for words in (launched.run_id, launched.servers()[0]):
            assert words in run.note("plan")
        assert holders(run) == {launched.run_id}
        assert {one.phase for one in run.records()} == {Phase.TEST_LAUNCHED}

    @pytest.mark.parametrize(("state", "words"), [("running", "is not over"), ("failed", "are taken over")])
    def test_a_dry_run_shows_who_holds_them(self, launched: Run, state: str, words: str) -> None:
        run = rollback_of(launched, dryRun=True)
        run.other_runs = state
        assert select(run) == []
        assert launched.run_id in run.values["plan", "sheet"]["markdown"].replace("\\", "")
        assert words in run.values["plan", "sheet"]["markdown"]

    def test_who_held_them_is_on_the_sheet_that_is_approved(self, launched: Run) -> None:
        run = rollback_of(launched)
        select(run)
        assert launched.run_id in run.values["plan", "sheet"]["markdown"].replace("\\", "")


class TestSheet:
    def test_it_hands_on_what_was_selected_and_the_rollback_acts_on_it(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        assert run.do(SheetOperator(task_id="sheet")) == run.values["plan", "sheet"]
        approve(run)
        undo(run, app)
        assert {one.phase for one in run.records()} == {Phase.ROLLED_BACK}

    def test_a_sheet_that_is_gone_is_an_error_and_nothing_is_touched(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        del run.values["plan", "sheet"]
        with pytest.raises(ResultLostError):
            run.do(SheetOperator(task_id="sheet"))
        with pytest.raises(ResultLostError):
            roll_back(run, app)
        assert {one.phase for one in run.records()} == {Phase.TEST_LAUNCHED}


class TestRelease:
    def test_it_frees_what_this_run_holds_once_and_again(self, launched: Run) -> None:
        run = rollback_of(launched)
        select(run)
        for _ in range(2):
            run.do(ReleaseOperator(task_id="release"))
            assert holders(run) == set()

    def test_what_another_run_holds_is_not_freed(self, launched: Run) -> None:
        run = rollback_of(launched)
        select(run)
        [mine] = set(run.ledger.locks(run.servers()).values())
        other = Holder("somebody", "else", "w")
        run.ledger.take_over(run.servers(), mine, other)
        run.do(ReleaseOperator(task_id="release"))
        assert holders(run) == {other.run_id}

    def test_after_a_dry_run_nothing_is_freed(self, launched: Run) -> None:
        run = rollback_of(launched, dryRun=True)
        select(run)
        run.do(ReleaseOperator(task_id="release"))
        assert holders(run) == {launched.run_id}

    def test_without_a_plan_it_is_skipped(self, launched: Run) -> None:
        run = rollback_of(launched)
        run.states["plan"] = "failed"
        with pytest.raises(AirflowSkipException):
            run.do(ReleaseOperator(task_id="release"))

    def test_a_refused_release_is_red_and_frees_after_clearing(self, launched: Run, box: Sandbox) -> None:
        run = rollback_of(launched)
        select(run)
        box.faults.add_document({"kind": "accessDenied", "service": "dynamodb", "operation": "*"})
        with pytest.raises(MigrationError):
            run.do(ReleaseOperator(task_id="release"))
        box.faults.remove()
        assert holders(run) == {run.run_id}
        run.do(ReleaseOperator(task_id="release"))
        assert holders(run) == set()

    def test_a_lost_answer_frees_all_the_same(self, launched: Run, box: Sandbox) -> None:
        run = rollback_of(launched)
        select(run)
        for operation in ("TransactWriteItems", "UpdateItem", "DeleteItem"):
            box.client.add_fault("dropAfter", service="dynamodb", operation=operation, times=1)
        tried_again(lambda: run.do(ReleaseOperator(task_id="release")))
        assert holders(run) == set()


def approve(run: Run, **other: Any) -> None:
    """As the task ``approve_rollback`` writes it to the ledger."""
    run.do(SheetOperator(task_id="sheet"))
    plan, sheet = WavePlan.from_document(run.values["plan", "plan"]), run.values["plan", "sheet"]
    answer = {"approved": True, "required": True, "by": "alice", "at": datetime.now(UTC).isoformat()}
    bound = {"planHash": plan.plan_hash, "sheetDigest": sheet["digest"], "runId": run.run_id}
    note(run, {"approval": "rollback"} | answer | bound | other)


def note(run: Run, decision: dict[str, Any]) -> None:
    plan = WavePlan.from_document(run.values["plan", "plan"])
    note_decision(services_of(run.context("approve_rollback")["ti"], plan), plan, decision)


def forge(run: Run) -> None:
    """What whoever may edit XComs and task states can do: the result of the task that asks, as it would be."""
    run.do(SheetOperator(task_id="sheet"))
    plan, sheet = run.values["plan", "plan"], run.values["plan", "sheet"]
    answer = {"approved": True, "required": True, "by": "alice", "runId": run.run_id}
    bound = {"planHash": plan["planHash"], "sheetDigest": sheet["digest"], "applications": ["app"]}
    run.values["approve_rollback", "return_value"] = answer | bound


def roll_back(run: Run, app: dict[str, Any]) -> Any:
    return run.do(RequestedRollbackOperator(task_id="rollback", app=app))


def begin(run: Run, app: dict[str, Any]) -> None:
    """The worker dies right after the rollback began."""

    def die(self: Any, actions: Any) -> None:
        send(self, actions)
        raise Killed

    send = RollbackChange.send
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RollbackChange, "send", die)
        with pytest.raises(Killed):
            roll_back(run, app)
    assert phases(run) == {Phase.ROLLING_BACK}


def phases(run: Run) -> set[Phase]:
    return {one.phase for one in run.records()}


def launch_by_hand(run: Run) -> str:
    """Somebody repeats the test in MGN's console; the job's id."""
    job: str = run.box.boto("mgn").start_test(sourceServerIDs=run.servers())["job"]["jobID"]
    deadline = time.monotonic() + 30
    while run.box.boto("mgn").describe_jobs(filters={"jobIDs": [job]})["items"][0]["status"] != "COMPLETED":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


class TestRequestedRollback:
    def test_what_was_approved_is_done_and_read_back(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}

    @pytest.mark.parametrize(
        ("answer", "why"),
        [
            (None, "the ledger holds no answer"),
            ({"approved": False, "comment": "not today"}, "not today"),
            ({"approved": "yes"}, "was not approved"),
            ({"sheetDigest": "of another sheet"}, "the evidence changed"),
            ({"planHash": "of another plan"}, "the plan changed"),
            ({"runId": "rollback-of-last-week"}, "rollback-of-last-week"),
            ({"expiresAt": "2020-01-01T00:00:00+00:00"}, "expired"),
        ],
    )
    def test_without_an_approval_of_this_sheet_nothing_is_touched(self, launched: Run, answer: Any, why: str) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        if answer is not None:
            approve(run, **answer)
        forge(run)
        before = run.records()
        with pytest.raises(ApprovalVoidError, match=why) as refused:
            roll_back(run, app)
        assert "clear `sheet` with downstream" in refused.value.message
        assert run.records() == before

    def test_an_approval_is_used_up_by_its_rollback(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        roll_back(run, app)
        plan = launched.values["plan", "plan"]["applications"][0]
        ids = [one["migrationId"] for one in plan["servers"]]
        [record] = run.ledger.read(ids).values()
        again = record.to(Phase.TEST_LAUNCHING)
        run.ledger.write([record], [again], "launched again")
        with pytest.raises(ApprovalVoidError, match="was used for the rollback"):
            roll_back(run, app)
        assert phases(run) == {Phase.TEST_LAUNCHING}

    def test_a_plan_that_was_changed_in_xcom_is_none(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        run.values["plan", "plan"]["conf"]["approvals"]["approvers"] = ["mallory"]
        with pytest.raises(PlanMismatchError):
            roll_back(run, app)
        assert phases(run) == {Phase.TEST_LAUNCHED}

    def test_a_launch_that_nobody_was_shown_ends_it_untouched(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        launch_by_hand(run)
        before = run.records()
        with pytest.raises(PlanChangedError):
            roll_back(run, app)
        assert run.records() == before
        # Planned and asked again, it is shown and undone.
        [app] = select(run)
        approve(run)
        roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}

    def test_an_application_that_would_lose_what_it_needs_must_have_been_shown(
        self, launched: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        lost = Dependants({"shop": ("app",)})
        with monkeypatch.context() as patch:
            patch.setattr("migration_ops.wave.steps.rollback_change.dependants_cut_over", lambda *_: lost)
            with pytest.raises(PlanChangedError):
                roll_back(run, app)
        assert phases(run) == {Phase.TEST_LAUNCHED}

    def test_a_world_that_cannot_be_read_is_left_alone(self, launched: Run, box: Sandbox) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        box.faults.add_document({"kind": "accessDenied", "service": "mgn", "operation": "DescribeSourceServers"})
        with pytest.raises(MigrationError):
            roll_back(run, app)
        box.faults.remove()
        assert phases(run) == {Phase.TEST_LAUNCHED}

    def test_begun_and_cleared_it_goes_on_without_comparing(
        self, launched: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        run.until_it_defers(RequestedRollbackOperator(task_id="rollback", app=app))
        assert phases(run) == {Phase.ROLLING_BACK}
        with monkeypatch.context() as patch:
            patch.setattr(RollbackChange, "plan", None)
            roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}
        roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}

    @pytest.mark.parametrize("kind", ["dropAfter", "dropBefore"])
    def test_a_lost_answer_ends_rolled_back(self, launched: Run, box: Sandbox, kind: str) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        box.client.add_fault(kind, service="mgn", operation="TerminateTargetInstances", times=1)
        tried_again(lambda: roll_back(run, app))
        assert phases(run) == {Phase.ROLLED_BACK}

    def test_killed_within_it_goes_on(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        begin(run, app)
        roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}

    def test_a_sheet_that_does_not_say_what_was_approved_begins_nothing(self, launched: Run) -> None:
        """Made before an upgrade, or by somebody who may edit XComs and took the comparison away."""
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        del run.values["plan", "sheet"]["changes"]
        with pytest.raises(PlanChangedError):
            roll_back(run, app)
        assert phases(run) == {Phase.TEST_LAUNCHED}

    def test_what_was_begun_with_a_sheet_of_before_an_upgrade_goes_on(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        begin(run, app)
        del run.values["plan", "sheet"]["changes"]
        roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}

    @pytest.mark.parametrize("is_begun", [True, False])
    def test_a_launch_that_was_added_to_the_sheet_was_not_approved(self, launched: Run, is_begun: bool) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        if is_begun:
            begin(run, app)
        before = phases(run)
        run.values["plan", "sheet"]["foreignJobs"] = ["mgnjob-of-somebody"]
        with pytest.raises(PlanChangedError):
            roll_back(run, app)
        assert phases(run) == before

    def test_a_launch_on_an_altered_sheet_is_not_undone(self, launched: Run) -> None:
        """It goes on without ``changes`` because it was begun: what somebody launched since then stays."""
        run = rollback_of(launched)
        [app] = select(run)
        approve(run)
        begin(run, app)
        job = launch_by_hand(run)
        del run.values["plan", "sheet"]["changes"]
        run.values["plan", "sheet"]["foreignJobs"] = [job]
        with pytest.raises(FrozenError, match="somebody else launched"):
            roll_back(run, app)
        assert phases(run) == {Phase.FROZEN}

    def test_an_approval_that_an_earlier_version_noted_counts(self, launched: Run) -> None:
        run = rollback_of(launched)
        [app] = select(run)
        run.do(SheetOperator(task_id="sheet"))
        sheet, at = run.values["plan", "sheet"], datetime.now(UTC).isoformat()
        bound = {"planHash": run.values["plan", "plan"]["planHash"], "sheetDigest": sheet["digest"]}
        answer = {"approval": "rollback", "approved": True, "required": True, "by": "alice", "at": at, "comment": ""}
        records = run.records()
        noted = [replace(one, facts=one.facts | {"approvals": {"rollback": answer | bound}}) for one in records]
        run.ledger.write(records, noted, "rollback approved", answer)
        roll_back(run, app)
        assert phases(run) == {Phase.ROLLED_BACK}


class TestWhoMayApprove:
    @pytest.mark.parametrize(
        ("given", "bound"),
        [([], ["alice", "bob"]), (["bob"], ["bob"]), (["bob", "mallory"], ["bob"]), (["mallory"], None)],
    )
    def test_the_waves_approvers_bind_its_rollback(self, wave: Wave, given: list[str], bound: list[str] | None) -> None:
        run = wave(approvals={"approvers": ["alice", "bob"]})
        run.do(PlanOperator(task_id="plan"))
        run.do(PreflightOperator(task_id="preflight"))
        asked = rollback_of(run, approvers=given, dryRun=True)
        if bound is None:
            with pytest.raises(InvalidInputError, match="other approvers"):
                select(asked)
            return
        select(asked)
        assert asked.values["plan", "plan"]["conf"]["approvals"]["approvers"] == bound

    def test_what_the_installation_does_not_allow_is_in_the_note(
        self, launched: Run, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MIGRATION_OPS_APPROVERS", "alice")
        run = rollback_of(launched, approvers=["mallory"])
        with pytest.raises(PolicyError):
            select(run)
        assert "MIGRATION_OPS_APPROVERS" in run.note("plan").replace("\\", "")

    def test_the_account_must_be_the_one_that_is_named(self, launched: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(BlockedError, match="leads to account"):
            select(rollback_of(launched, accountId="999999999999", dryRun=True))
        monkeypatch.setenv("MIGRATION_OPS_ACCOUNT_IDS", "999999999999")
        with pytest.raises(BlockedError, match="MIGRATION_OPS_ACCOUNT_IDS"):
            select(rollback_of(launched, dryRun=True))
        monkeypatch.setenv("MIGRATION_OPS_ACCOUNT_IDS", "123456789012")
        select(rollback_of(launched, accountId="123456789012", dryRun=True))
