"""Plan, preflight and report of a wave on the sandbox: refused, lost, killed, cleared, and dry."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from include.sandbox.sandbox import Sandbox
from migration_ops.core.errors import BlockedError, InvalidInputError, MigrationError
from migration_ops.core.states import Phase
from migration_ops.ledger.anchor_store import AnchorStore
from migration_ops.ledger.anchor_trail import read_trail
from migration_ops.operators.wave import wave as tasks
from migration_ops.operators.wave.wave import PlanOperator, PreflightOperator, ReportOperator
from tests.operators.wave.run import Killed, Run, tried_again

Wave = Callable[..., Run]


def plan(run: Run) -> Any:
    return run.do(PlanOperator(task_id="plan"))


def preflight(run: Run) -> Any:
    return run.do(PreflightOperator(task_id="preflight"))


def report(run: Run) -> Any:
    return run.do(ReportOperator(task_id="report", approvals={"cutover": "approve_cutover"}))


def begun(wave: Wave, **conf: Any) -> Run:
    run = wave(**conf)
    plan(run)
    preflight(run)
    return run


class TestPlan:
    def test_a_conf_becomes_a_plan_and_the_same_one_when_cleared(self, wave: Wave) -> None:
        run = wave()
        first = plan(run)
        document = run.values["plan", "plan"]
        assert first["order"] == ["app"]
        assert plan(run) == first
        assert run.values["plan", "plan"] == document
        assert run.records() == []

    def test_each_fault_of_a_conf_is_in_the_runs_note(self, wave: Wave) -> None:
        run = wave(failureThreshold=0, onFailure="perhaps")
        with pytest.raises(InvalidInputError):
            plan(run)
        assert "failureThreshold" in run.note("plan")
        assert "onFailure" in run.note("plan")
        assert ("plan", "plan") not in run.values

    def test_a_connection_that_airflow_lacks_is_refused_before_any_call(self, wave: Wave, box: Sandbox) -> None:
        run = wave(awsConnId="another_account")
        box.calls.clear()
        with pytest.raises(InvalidInputError, match="another_account"):
            plan(run)
        assert "awsConnId" in run.note("plan")
        assert box.calls.counts() == []

    def test_a_wave_that_mgn_refuses_to_show_is_no_empty_plan(self, wave: Wave, box: Sandbox) -> None:
        run = wave()
        run.conf = {"wave": run.conf["wave"], "mgnWaveId": "wave-0123456789abcdef0"}
        box.faults.add_document({"kind": "accessDenied", "service": "mgn", "operation": "*"})
        with pytest.raises(MigrationError):
            plan(run)
        assert "ACCESS_DENIED" in run.note("plan")
        assert ("plan", "plan") not in run.values


class TestPreflight:
    def test_all_well_locks_and_registers(self, wave: Wave) -> None:
        run = begun(wave)
        assert [one["appName"] for one in run.values["preflight", "return_value"]] == ["app"]
        assert {one["verdict"] for one in run.values["preflight", "checks"]} == {"OK"}
        assert {one.phase for one in run.records()} == {Phase.PLANNED}
        assert {one.run_id for one in run.ledger.locks(run.servers()).values()} == {run.run_id}

    def test_a_dry_run_estimates_and_touches_nothing(self, wave: Wave) -> None:
        run = begun(wave, dryRun=True)
        assert run.values["preflight", "return_value"] == []
        assert run.values["preflight", "estimate"]
        assert run.records() == []
        assert run.ledger.locks(run.servers()) == {}
        assert "Nothing was changed" in run.note("preflight")

    @pytest.mark.parametrize(
        ("service", "operation"),
        [("mgn", "DescribeSourceServers"), ("mgn", "DescribeJobs"), ("sts", "GetCallerIdentity")],
    )
    def test_a_refused_read_blocks_and_registers_nothing(
        self, wave: Wave, box: Sandbox, service: str, operation: str
    ) -> None:
        run = wave(accountId=box.account_id)
        plan(run)
        box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
        with pytest.raises(MigrationError):
            preflight(run)
        box.faults.remove()
        assert run.records() == []
        assert run.ledger.locks(run.servers()) == {}

    def test_what_is_not_ok_is_in_the_runs_note(self, wave: Wave, box: Sandbox) -> None:
        run = wave()
        plan(run)
        box.client.patch_server(run.servers()[0], replicationState="DISCONNECTED")
        with pytest.raises(BlockedError):
            preflight(run)
        assert run.servers()[0] in run.note("preflight")
        assert run.records() == []

    @pytest.mark.parametrize("kind", ["dropAfter", "dropBefore", "error500After"])
    def test_a_lost_answer_of_the_ledger_registers_once(self, wave: Wave, box: Sandbox, kind: str) -> None:
        run = wave()
        plan(run)
        box.client.add_fault(kind, service="dynamodb", operation="TransactWriteItems", times=1)
        tried_again(lambda: preflight(run))
        assert [one.phase for one in run.records()] == [Phase.PLANNED]
        assert {one.run_id for one in run.ledger.locks(run.servers()).values()} == {run.run_id}

    @pytest.mark.parametrize("is_registered", [False, True])
    def test_killed_around_the_registration_it_goes_on(
        self, wave: Wave, monkeypatch: pytest.MonkeyPatch, is_registered: bool
    ) -> None:
        def die(*given: Any) -> None:
            if is_registered:
                register(*given)
            raise Killed

        run, register = wave(), tasks.register
        plan(run)
        with monkeypatch.context() as patch:
            patch.setattr(tasks, "register", die)
            with pytest.raises(Killed):
                preflight(run)
        assert len(run.records()) == int(is_registered)
        assert [one["appName"] for one in preflight(run)] == ["app"]
        assert [one.phase for one in run.records()] == [Phase.PLANNED]

    def test_cleared_it_registers_nothing_anew(self, wave: Wave) -> None:
        run = begun(wave)
        [before] = run.records()
        preflight(run)
        [after] = run.records()
        assert (after.migration_id, after.created_at) == (before.migration_id, before.created_at)
        assert (after.phase, after.dag_run_id) == (Phase.PLANNED, run.run_id)

    def test_what_another_run_holds_is_refused(self, wave: Wave) -> None:
        run = begun(wave)
        other = Run(run.box, run.conf, "run-other")
        plan(other)
        with pytest.raises(BlockedError):
            preflight(other)
        assert {one.run_id for one in run.ledger.locks(run.servers()).values()} == {run.run_id}


class TestReport:
    def test_the_wave_as_the_ledger_has_it_is_the_runs_note(self, wave: Wave) -> None:
        run = begun(wave)
        document = report(run)
        assert document["wave"] == run.conf["wave"]
        assert run.servers()[0] in document["markdown"]
        assert run.note("report") == document["markdown"][:900]
        assert report(run)["markdown"] == document["markdown"]

    def test_the_waves_chains_are_anchored(self, wave: Wave, box: Sandbox) -> None:
        run = begun(wave)
        key = report(run)["anchorKey"]
        bucket, table = os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"], os.environ["MIGRATION_OPS_TABLE_NAME"]
        head = read_trail(AnchorStore(box.boto, bucket), table).heads[run.records()[0].migration_id][-1]
        assert (head.key, head.head.wave, head.head.digest) == (key, run.conf["wave"], run.records()[0].history_digest)

    def test_a_wave_that_cannot_be_anchored_has_its_report(self, wave: Wave, box: Sandbox) -> None:
        run = begun(wave)
        box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": "*"})
        document = report(run)
        assert document["anchorKey"] is None
        assert run.servers()[0] in document["markdown"]

    def test_of_a_dry_run_it_is_the_plan(self, wave: Wave) -> None:
        run = begun(wave, dryRun=True)
        document = report(run)
        assert document["dryRun"] is True
        assert document["estimate"]
        assert run.ledger.locks(run.servers()) == {}

    def test_without_a_plan_it_is_skipped(self, wave: Wave) -> None:
        run = wave()
        run.states["plan"] = "failed"
        with pytest.raises(AirflowSkipException):
            report(run)

    def test_after_a_preflight_that_said_no_it_shows_what_was_checked(self, wave: Wave, box: Sandbox) -> None:
        run = wave()
        plan(run)
        box.client.patch_server(run.servers()[0], replicationState="DISCONNECTED")
        with pytest.raises(BlockedError):
            preflight(run)
        assert "DISCONNECTED" in report(run)["markdown"]

    def test_a_ledger_that_cannot_be_read_is_red_and_no_report(self, wave: Wave, box: Sandbox) -> None:
        run = begun(wave)
        box.faults.add_document({"kind": "accessDenied", "service": "dynamodb", "operation": "*"})
        with pytest.raises(MigrationError):
            report(run)
        assert ("report", "return_value") not in run.values
