"""What becomes of an answer to a question: approved, refused, silent, or about evidence that is no longer shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import LockHeldError, Record
from migration_ops.operators import approval
from migration_ops.operators.approval import LEAVE, ROLL_BACK, DecideOperator, EvidenceApproval
from migration_ops.wave.conf.model import WaveConf, restore_conf

SHEET = {"markdown": "evidence", "digest": "sheet-1"}
SILENCE = {"error": "timed out", "error_type": "timeout"}
APP = {
    "appName": "app",
    "level": 0,
    "impact": "medium",
    "dependsOn": [],
    "servers": [{"migrationId": "mig-a", "sourceServerId": "s-a"}],
    "checks": [],
}


class Ti:
    """A task instance of a question, and what the package wrote down of the answer."""

    dag_id, run_id, task_id, map_index = "migration_wave", "run", "approve_cutover", -1

    def __init__(self) -> None:
        self.xcoms: dict[Any, Any] = {("go_no_go", "return_value"): SHEET}
        self.noted: list[dict[str, Any]] = []
        self.states = {"launch": "failed"}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.xcoms.get((task_ids, key))

    def get_task_states(self, **_: Any) -> Any:
        return {self.run_id: self.states}


def conf_with(**changes: Any) -> WaveConf:
    return restore_conf({"wave": "wave-1", "dryRun": False} | changes)


@pytest.fixture
def plan() -> SimpleNamespace:
    approvals = {"cutover": True, "timeoutMinutes": 60, "approvers": ["alice"]}
    return SimpleNamespace(conf=conf_with(approvals=approvals), wave="wave-1", plan_hash="plan-1")


@pytest.fixture
def ti(monkeypatch: pytest.MonkeyPatch, plan: SimpleNamespace) -> Ti:
    one = Ti()
    record = Record("mig-a", "wave-1", "app", "s-a", Phase.TEST_LAUNCHING, error_code="LAUNCH_FAILED")
    monkeypatch.setattr(approval, "plan_of", lambda _: plan)
    monkeypatch.setattr(approval, "services_of", lambda *_: SimpleNamespace(flush=lambda: None))
    monkeypatch.setattr(approval, "note_decision", lambda services, plan, said: one.noted.append(said))
    monkeypatch.setattr(approval, "records_of", lambda *_: [record])
    return one


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Questions that people were shown."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(
        approval.StrictHITLOperator, "execute", lambda self, context: found.append((self.subject, self.body))
    )
    return found


def approve() -> EvidenceApproval:
    return EvidenceApproval(task_id="approve_cutover", which="cutover", sheet_task="go_no_go")


def answer(option: str, comment: str = "fine") -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"comment": comment},
        "responded_at": datetime(2026, 1, 9, tzinfo=UTC),
        "responded_by_user": {"id": "1", "name": "alice"},
        "timedout": False,
    }


class TestEvidenceApproval:
    def ask(self, ti: Ti) -> EvidenceApproval:
        operator = approve()
        operator.execute({"ti": ti})
        return operator

    def test_an_approval_is_bound_to_plan_and_sheet_and_noted(self, ti: Ti, asked: list[Any]) -> None:
        result = self.ask(ti).execute_complete({"ti": ti}, answer("Approve"))
        assert asked == [("Wave wave-1: approve cutover?", "evidence")]
        assert (result["approved"], result["planHash"], result["sheetDigest"]) == (True, "plan-1", "sheet-1")
        assert (result["by"], result["comment"]) == ("alice", "fine")
        assert ti.noted == [{"approval": "cutover", **result}]

    def test_a_rejection_is_red_and_noted_with_who_said_so(self, ti: Ti, asked: list[Any]) -> None:
        with pytest.raises(AirflowFailException, match="rejected by alice"):
            self.ask(ti).execute_complete({"ti": ti}, answer("Reject", "not today"))
        [noted] = ti.noted
        assert (noted["approved"], noted["by"], noted["comment"]) == (False, "alice", "not today")

    def test_silence_is_a_rejection(self, ti: Ti, asked: list[Any]) -> None:
        with pytest.raises(AirflowFailException, match="nobody answered"):
            self.ask(ti).execute_complete({"ti": ti}, SILENCE)
        assert [one["approved"] for one in ti.noted] == [False]

    @pytest.mark.parametrize("what", ["sheet", "plan", "asked"])
    def test_an_answer_about_other_evidence_approves_nothing(
        self, ti: Ti, asked: list[Any], plan: SimpleNamespace, what: str
    ) -> None:
        operator = self.ask(ti)
        if what == "sheet":
            ti.xcoms["go_no_go", "return_value"] = {"markdown": "other", "digest": "sheet-2"}
        elif what == "plan":
            plan.plan_hash = "plan-2"
        else:
            # Airflow removed what the task left: it was cleared while its question was open.
            del ti.xcoms[ti.task_id, "asked_for"]
        with pytest.raises(AirflowFailException, match="changed while the question was open"):
            operator.execute_complete({"ti": ti}, answer("Approve"))
        assert ti.noted == []

    def test_an_approval_that_the_ledger_does_not_take_is_none(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: Any) -> None:
            raise LockHeldError("another run holds the server")

        monkeypatch.setattr(approval, "note_decision", refuse)
        with pytest.raises(LockHeldError):
            self.ask(ti).execute_complete({"ti": ti}, answer("Approve"))

    def test_a_dry_run_asks_nobody(self, ti: Ti, asked: list[Any], plan: SimpleNamespace) -> None:
        plan.conf = conf_with(dryRun=True)
        with pytest.raises(AirflowSkipException):
            self.ask(ti)
        assert asked == []

    def test_where_the_conf_wants_none_it_says_so(self, ti: Ti, asked: list[Any], plan: SimpleNamespace) -> None:
        plan.conf = conf_with(approvals={"cutover": False})
        result = approve().execute({"ti": ti})
        assert (result["approved"], result["required"], asked) == (True, False, [])


class TestDecide:
    @pytest.fixture
    def operator(self, ti: Ti, asked: list[Any]) -> Callable[[], DecideOperator]:
        def make() -> DecideOperator:
            one = DecideOperator(task_id="decide", watched=["launch"], app=APP)
            one.execute({"ti": ti})
            return one

        return make

    @pytest.mark.parametrize(("option", "decision"), [(ROLL_BACK, "rollback"), (LEAVE, "hold")])
    def test_what_people_chose_is_the_decision(self, ti: Ti, operator: Any, option: str, decision: str) -> None:
        result = operator().execute_complete({"ti": ti}, answer(option, "because"))
        assert (result["decision"], result["by"], result["reason"]) == (decision, "alice", "because")

    def test_silence_rolls_nothing_back(self, ti: Ti, operator: Any) -> None:
        assert operator().execute_complete({"ti": ti}, SILENCE)["decision"] == "hold"

    def test_an_option_that_was_not_offered_decides_nothing(self, ti: Ti, operator: Any) -> None:
        with pytest.raises(ValueError, match="not in"):
            operator().execute_complete({"ti": ti}, answer("Finalize"))

    def test_people_see_the_failure(self, operator: Any, asked: list[Any]) -> None:
        operator()
        [(subject, body)] = asked
        assert "app failed" in subject
        assert "TEST_LAUNCHING" in body.replace("\\", "")

    def test_where_nothing_of_the_group_failed_nobody_is_asked(self, ti: Ti, operator: Any, asked: list[Any]) -> None:
        ti.states = {"launch": "upstream_failed"}
        with pytest.raises(AirflowSkipException):
            operator()
        assert asked == []

    def test_cleared_it_asks_about_what_is_so_now(
        self, ti: Ti, operator: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        operator()
        failed = Record("mig-a", "wave-1", "app", "s-a", Phase.READY, error_code="X", error_message="later")
        monkeypatch.setattr(approval, "records_of", lambda *_: [failed])
        operator()
        assert "later" in asked[-1][1]
