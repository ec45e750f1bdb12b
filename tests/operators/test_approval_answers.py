"""What becomes of an answer to a question: approved, refused, silent, or about evidence that is no longer shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

from migration_ops.aws.errors import UnreachableError
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import LockHeldError, Record, VersionConflictError
from migration_ops.operators import answers, approval, evidence_age
from migration_ops.operators.approval import LEAVE, ROLL_BACK, DecideOperator, EvidenceApproval
from migration_ops.operators.context import ResultLostError
from migration_ops.wave.decisions import Noted
from migration_ops.wave.plan.plan import WavePlan
from migration_ops.wave.waits.outcome import Done
from tests.wave.builders import application
from tests.wave.builders import plan as plan_with

SHEET = {"markdown": "evidence", "digest": "sheet-1", "ready": ["billing"], "madeAt": "2026-01-09T00:00:00+00:00"}
SILENCE = {"error": "timed out", "error_type": "timeout"}
FOUR_EYES = "MIGRATION_OPS_FOUR_EYES"
APPROVERS = {"approvers": ["alice"], "timeoutMinutes": 60}


class Ti:
    """A task instance of a question, and what the package wrote down of the answer."""

    dag_id, run_id, task_id, map_index = "migration_wave", "run", "approve_cutover", -1
    try_number, max_tries = 1, 6

    def __init__(self, plan: WavePlan) -> None:
        self.xcoms: dict[Any, Any] = {("go_no_go", "return_value"): SHEET}
        self.noted: list[dict[str, Any]] = []
        self.ready: list[Any] = []
        self.states = {"launch": "failed"}
        self.plan = plan
        # What the ledger holds, what it says to a decision, and what it is left without.
        self.records: dict[str, Record] = {}
        self.error: MigrationError | None = None
        self.left_out: dict[str, str] = {}
        self.requested_by: str | None = "mallory"

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.xcoms.get((task_ids, key))

    def get_task_states(self, **_: Any) -> Any:
        return {self.run_id: self.states}

    def note(self, services: Any, plan: Any, decision: dict[str, Any], ready: Any = None, only: Any = None) -> Noted:
        if self.error is not None:
            raise self.error
        self.noted.append(decision)
        self.ready.append(ready)
        names = [one.app_name for one in plan.applications] if ready is None else list(ready)
        return Noted([one for one in names if one not in self.left_out], dict(self.left_out))

    @property
    def context(self) -> Any:
        return {"ti": self, "dag_run": SimpleNamespace(triggering_user_name=self.requested_by)}


@pytest.fixture
def ti(monkeypatch: pytest.MonkeyPatch) -> Ti:
    one = Ti(plan_with(dryRun=False, approvals=APPROVERS))
    monkeypatch.setenv("MIGRATION_OPS_EVIDENCE_MAX_AGE_MINUTES", "5256000")
    services = SimpleNamespace(flush=lambda: None, ledger=SimpleNamespace(read=lambda _: one.records))
    record = Record("mig-a", "wave-3", "billing", "s-a", Phase.TEST_LAUNCHING, error_code="LAUNCH_FAILED")
    monkeypatch.setattr(approval, "plan_of", lambda _: one.plan)
    monkeypatch.setattr(approval, "services_of", lambda *_: services)
    monkeypatch.setattr(answers, "services_of", lambda *_: services)
    monkeypatch.setattr(answers, "note_decision", one.note)
    monkeypatch.setattr(approval, "records_of", lambda *_: [record])
    return one


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Questions that people were shown, with who may answer."""
    found: list[Any] = []

    def park(self: Any, context: Any) -> None:
        found.append((self.subject, self.body, [one["id"] for one in self.assigned_users or []]))
        raise TaskAwaitingInput(method_name="execute_complete", timeout=self.response_timeout)

    monkeypatch.setattr(approval.StrictHITLOperator, "execute", park)
    return found


def approve(which: str = "cutover") -> EvidenceApproval:
    return EvidenceApproval(task_id="approve_cutover", which=which, sheet_task="go_no_go", retries=6)


def answer(option: str, comment: str = "fine", by: str = "alice", **fields: Any) -> dict[str, Any]:
    return {
        "chosen_options": [option],
        "params_input": {"comment": comment, **fields},
        "responded_at": datetime(2026, 1, 9, tzinfo=UTC),
        "responded_by_user": {"id": by, "name": by},
        "timedout": False,
    }


def test_without_a_sheet_nobody_is_asked(ti: Ti, asked: list[Any]) -> None:
    del ti.xcoms["go_no_go", "return_value"]
    with pytest.raises(ResultLostError):
        approve().execute(ti.context)
    assert (asked, ti.noted) == ([], [])


def test_an_answer_to_a_sheet_that_is_gone_does_not_count_and_is_kept(ti: Ti, asked: list[Any]) -> None:
    with pytest.raises(TaskAwaitingInput) as waiting:
        approve().execute(ti.context)
    del ti.xcoms["go_no_go", "return_value"]
    with pytest.raises(AirflowFailException, match="RESULT_LOST"):
        approve().execute_complete(ti.context, answer("Approve"), **waiting.value.kwargs)
    [noted] = ti.noted
    assert (noted["approved"], noted["by"]) == (False, "alice")
    assert "does not count" in noted["comment"]


@dataclass
class Question:
    """One that is open, with what Airflow keeps beside it."""

    ti: Ti
    operator: EvidenceApproval
    kept: dict[str, Any]

    def complete(self, event: dict[str, Any]) -> Any:
        return self.operator.execute_complete(self.ti.context, event, **self.kept)


def ask(ti: Ti, which: str = "cutover") -> Question:
    operator = approve(which)
    with pytest.raises(TaskAwaitingInput) as parked:
        operator.execute(ti.context)
    return Question(ti, operator, dict(parked.value.kwargs or {}))


class TestEvidenceApproval:
    def test_an_approval_is_in_the_ledger_before_its_task_succeeds(self, ti: Ti, asked: list[Any]) -> None:
        result = ask(ti).complete(answer("Approve"))
        assert asked == [("Wave wave-3: approve cutover?", "evidence", ["alice"])]
        [noted] = ti.noted
        assert noted["approval"] == "cutover"
        assert (noted["approved"], noted["runId"], noted["requestedBy"]) == (True, "run", "mallory")
        assert (noted["planHash"], noted["sheetDigest"]) == (ti.plan.plan_hash, "sheet-1")
        assert (noted["sheetMadeAt"], noted["by"], noted["byId"]) == (SHEET["madeAt"], "alice", "alice")
        assert (noted["comment"], noted["expiresAt"]) == ("fine", "2026-01-16T00:00:00+00:00")
        assert ti.ready == [["billing"]]
        assert (result["applications"], result["by"], result["notWritten"]) == (["billing"], "alice", {})

    def test_it_expires_counted_from_the_window_that_opens_later(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MIGRATION_OPS_APPROVAL_VALID_HOURS", "2")
        opens = datetime(2026, 5, 10, tzinfo=UTC)
        window = {"opens": opens.isoformat(), "closes": (opens + timedelta(days=1)).isoformat()}
        ti.plan = plan_with(dryRun=False, approvals=APPROVERS, cutoverWindow=window)
        ask(ti).complete(answer("Approve"))
        assert ti.noted[0]["expiresAt"] == "2026-05-10T02:00:00+00:00"

    def test_a_rejection_is_red_and_noted_with_who_said_so(self, ti: Ti, asked: list[Any]) -> None:
        with pytest.raises(AirflowFailException, match="rejected by alice"):
            ask(ti).complete(answer("Reject", "not today"))
        [noted] = ti.noted
        assert (noted["approved"], noted["by"], noted["comment"]) == (False, "alice", "not today")
        assert ti.ready == [[]]

    def test_a_rejection_is_red_even_when_it_cannot_be_noted(self, ti: Ti, asked: list[Any]) -> None:
        ti.error = UnreachableError("no answer")
        with pytest.raises(AirflowFailException, match="rejected by alice"):
            ask(ti).complete(answer("Reject"))

    def test_silence_is_a_rejection(self, ti: Ti, asked: list[Any]) -> None:
        with pytest.raises(AirflowFailException, match="nobody answered"):
            ask(ti).complete(SILENCE)
        assert [one["approved"] for one in ti.noted] == [False]

    @pytest.mark.parametrize("what", ["sheet", "plan"])
    def test_an_answer_about_other_evidence_approves_nothing(self, ti: Ti, asked: list[Any], what: str) -> None:
        question = ask(ti)
        if what == "sheet":
            ti.xcoms["go_no_go", "return_value"] = SHEET | {"digest": "sheet-2"}
        else:
            ti.plan = plan_with(dryRun=False, approvals=APPROVERS, soakMinutes=5)
        # Nor does it help to change what the task left in XCom as well.
        ti.xcoms[ti.task_id, "asked_for"] = {"planHash": ti.plan.plan_hash, "sheetDigest": "sheet-2"}
        with pytest.raises(AirflowFailException, match="changed while the question was open"):
            question.complete(answer("Approve"))
        assert ti.noted == []

    def test_only_what_the_sheet_said_when_it_was_shown_is_approved(self, ti: Ti, asked: list[Any]) -> None:
        question = ask(ti)
        ti.xcoms["go_no_go", "return_value"] = SHEET | {"ready": ["billing", "web"]}
        question.complete(answer("Approve"))
        assert ti.ready == [["billing"]]

    @pytest.mark.parametrize("is_left", [True, False])
    def test_a_question_of_an_earlier_version_has_its_evidence_in_xcom(
        self, ti: Ti, asked: list[Any], is_left: bool
    ) -> None:
        question = ask(ti)
        question.kept = {}
        ti.xcoms[ti.task_id, "asked_for"] = {"planHash": ti.plan.plan_hash, "sheetDigest": "sheet-1"}
        if is_left:
            question.complete(answer("Approve"))
            assert (ti.ready, ti.noted[0]["approved"]) == ([["billing"]], True)
            return
        # Airflow removed what the task left: it was cleared while its question was open.
        del ti.xcoms[ti.task_id, "asked_for"]
        with pytest.raises(AirflowFailException, match="changed while the question was open"):
            question.complete(answer("Approve"))
        assert ti.noted == []

    def test_what_could_not_be_written_is_named_and_the_rest_is_approved(self, ti: Ti, asked: list[Any]) -> None:
        ti.plan = plan_with(
            application("billing", servers=(1,)), application("web", servers=(2,)), dryRun=False, approvals=APPROVERS
        )
        ti.xcoms["go_no_go", "return_value"] = SHEET | {"ready": ["billing", "web"]}
        ti.left_out = {"web": "belongs to migration_wave / run-b"}
        result = ask(ti).complete(answer("Approve"))
        assert (result["applications"], result["notWritten"]) == (["billing"], ti.left_out)

    def test_an_approval_that_another_run_keeps_out_is_none(self, ti: Ti, asked: list[Any]) -> None:
        ti.error = LockHeldError("another run holds the server")
        with pytest.raises(LockHeldError):
            ask(ti).complete(answer("Approve"))

    @pytest.mark.parametrize("error", [VersionConflictError("busy"), UnreachableError("no answer")])
    def test_airflows_own_retry_never_drops_an_answer_without_a_word(
        self, ti: Ti, asked: list[Any], error: MigrationError
    ) -> None:
        ti.error = error
        with pytest.raises(AirflowFailException, match=r"the answer of alice .* answer again"):
            ask(ti).complete(answer("Approve"))

    def test_a_retry_after_a_kill_takes_the_answer_from_the_ledger(self, ti: Ti, asked: list[Any]) -> None:
        ask(ti).complete(answer("Approve"))
        [noted] = ti.noted
        facts = {"approvals": {"cutover": noted | {"applications": ["billing"]}}}
        ti.records = {"mig-a": Record("mig-a", "wave-3", "billing", "s-a", Phase.READY, facts=facts)}
        ti.try_number = 2
        result = approve().execute(ti.context)
        assert (result["by"], len(asked), ti.noted) == ("alice", 1, [noted, noted])
        # Cleared by a person it is asked again, and so it is about another sheet, or in another run.
        ti.try_number, ti.max_tries = 3, 8
        ask(ti)
        ti.try_number, ti.max_tries = 2, 6
        ti.xcoms["go_no_go", "return_value"] = SHEET | {"ready": ["billing", "web"]}
        ask(ti)
        ti.xcoms["go_no_go", "return_value"] = SHEET
        ti.run_id = "another"
        ask(ti)
        assert len(asked) == 4

    def test_a_dry_run_asks_nobody(self, ti: Ti, asked: list[Any]) -> None:
        ti.plan = plan_with(dryRun=True)
        with pytest.raises(AirflowSkipException):
            approve().execute(ti.context)
        assert asked == []

    def test_where_nothing_is_finalized_nobody_is_asked_for_it(self, ti: Ti, asked: list[Any]) -> None:
        ti.plan = plan_with(dryRun=False, finalize=False)
        with pytest.raises(AirflowSkipException, match="finalize: false"):
            approve("finalize").execute(ti.context)
        ask(ti)
        assert [one[0] for one in asked] == ["Wave wave-3: approve cutover?"]

    @pytest.mark.parametrize("error", [None, LockHeldError("held")])
    def test_where_the_conf_wants_none_the_ledger_says_so(
        self, ti: Ti, asked: list[Any], error: MigrationError | None
    ) -> None:
        ti.plan, ti.error = plan_with(dryRun=False, approvals={"cutover": False}), error
        result = approve().execute(ti.context)
        assert (result["approved"], result["required"], asked) == (True, False, [])
        assert [(one["required"], one["by"]) for one in ti.noted] == ([] if error else [(False, "conf")])

    def test_where_the_installation_demands_it_a_conf_cannot_switch_it_off(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MIGRATION_OPS_REQUIRE_APPROVALS", "cutover,finalize")
        ti.plan = plan_with(dryRun=False, approvals={"cutover": False})
        ask(ti)
        assert len(asked) == 1


class TestWhoMayAnswer:
    @pytest.mark.parametrize(
        ("settings", "by", "why"),
        [
            ({}, "bob", "the conf names other approvers"),
            ({"MIGRATION_OPS_APPROVERS": "head-*"}, "alice", "MIGRATION_OPS_APPROVERS"),
            ({FOUR_EYES: "1"}, "mallory", "the conf names other approvers"),
        ],
    )
    def test_an_answer_of_somebody_else_does_not_count(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], by: str, why: str
    ) -> None:
        question = ask(ti)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(AirflowFailException, match=f"the answer of {by} does not count: .*{why}"):
            question.complete(answer("Approve", by=by))
        assert [(one["approved"], one["by"]) for one in ti.noted] == [(False, by)]

    def test_under_four_eyes_the_requester_is_not_among_those_who_may_answer(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(FOUR_EYES, "1")
        ti.plan = plan_with(dryRun=False, approvals={"approvers": ["mallory", "alice"]})
        question = ask(ti)
        assert asked[0][2] == ["alice"]
        with pytest.raises(AirflowFailException, match="whoever triggered the run"):
            question.complete(answer("Approve", by="mallory"))
        assert ask(ti).complete(answer("Approve"))["approved"] is True

    def test_under_four_eyes_a_requester_whom_nobody_knows_lets_nobody_approve(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(FOUR_EYES, "1")
        ti.requested_by = None
        with pytest.raises(AirflowFailException, match="nobody knows who triggered"):
            ask(ti).complete(answer("Approve"))

    def test_the_installations_approvers_are_asked_where_the_conf_names_none(
        self, ti: Ti, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MIGRATION_OPS_APPROVERS", "alice, bob")
        ti.plan = plan_with(dryRun=False)
        ask(ti)
        ti.plan = plan_with(dryRun=False, approvals={"approvers": ["bob", "mallory"]})
        ask(ti)
        assert [one[2] for one in asked] == [["alice", "bob"], ["bob"]]


class TestDecide:
    @pytest.fixture
    def operator(self, ti: Ti, asked: list[Any]) -> Callable[[], DecideOperator]:
        def make() -> DecideOperator:
            app = ti.plan.applications[0].as_document()
            one = DecideOperator(task_id="decide", watched=["launch"], app=app)
            with pytest.raises(TaskAwaitingInput):
                one.execute(ti.context)
            return one

        return make

    @pytest.mark.parametrize(("option", "decision"), [(ROLL_BACK, "rollback"), (LEAVE, "hold")])
    def test_what_people_chose_is_the_decision_and_in_the_ledger(
        self, ti: Ti, operator: Any, option: str, decision: str
    ) -> None:
        result = operator().execute_complete(ti.context, answer(option, "because"))
        assert (result["decision"], result["by"], result["reason"]) == (decision, "alice", "because")
        [noted] = ti.noted
        assert (noted["approval"], noted["decision"], noted["approved"]) == ("decide", decision, decision == "rollback")
        assert (noted["runId"], noted["planHash"], noted["by"]) == ("run", ti.plan.plan_hash, "alice")

    def test_what_the_conf_decides_is_in_the_ledger_too(self, ti: Ti, asked: list[Any]) -> None:
        ti.plan = plan_with(dryRun=False, onFailure="rollback")
        app = ti.plan.applications[0].as_document()
        assert DecideOperator(task_id="decide", watched=["launch"], app=app).execute(ti.context)["by"] == "conf"
        assert [(one["decision"], one["by"], one["required"]) for one in ti.noted] == [("rollback", "conf", False)]

    def test_silence_rolls_nothing_back(self, ti: Ti, operator: Any) -> None:
        assert operator().execute_complete(ti.context, SILENCE)["decision"] == "hold"
        assert [one["approved"] for one in ti.noted] == [False]

    def test_a_rollback_that_the_ledger_does_not_take_is_none(self, ti: Ti, operator: Any) -> None:
        asking = operator()
        ti.error = VersionConflictError("busy")
        with pytest.raises(AirflowFailException, match="answer again"):
            asking.execute_complete(ti.context, answer(ROLL_BACK))
        ti.error, ti.left_out = None, {"billing": "busy"}
        with pytest.raises(AirflowFailException, match="busy"):
            asking.execute_complete(ti.context, answer(ROLL_BACK))

    def test_who_triggered_decides_unless_the_installation_demands_four_eyes_for_rollbacks(
        self, ti: Ti, operator: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ti.plan = plan_with(dryRun=False)
        monkeypatch.setenv(FOUR_EYES, "1")
        operator().execute_complete(ti.context, answer(ROLL_BACK, by="mallory"))
        monkeypatch.setenv("MIGRATION_OPS_REQUIRE_APPROVALS", "rollback")
        with pytest.raises(AirflowFailException, match="whoever triggered"):
            operator().execute_complete(ti.context, answer(ROLL_BACK, by="mallory"))
        operator().execute_complete(ti.context, answer(LEAVE, by="mallory"))

    def test_an_option_that_was_not_offered_decides_nothing(self, ti: Ti, operator: Any) -> None:
        with pytest.raises(ValueError, match="not in"):
            operator().execute_complete(ti.context, answer("Finalize"))

    def test_people_see_the_failure(self, operator: Any, asked: list[Any]) -> None:
        operator()
        [(subject, body, _)] = asked
        assert "billing failed" in subject
        assert "TEST_LAUNCHING" in body.replace("\\", "")

    def test_where_nothing_of_the_group_failed_nobody_is_asked(self, ti: Ti, asked: list[Any]) -> None:
        ti.states = {"launch": "upstream_failed"}
        app = ti.plan.applications[0].as_document()
        with pytest.raises(AirflowSkipException):
            DecideOperator(task_id="decide", watched=["launch"], app=app).execute(ti.context)
        assert asked == []

    def test_cleared_it_asks_about_what_is_so_now(
        self, ti: Ti, operator: Any, asked: list[Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        operator()
        failed = Record("mig-a", "wave-3", "billing", "s-a", Phase.READY, error_code="X", error_message="later")
        monkeypatch.setattr(approval, "records_of", lambda *_: [failed])
        operator()
        assert "later" in asked[-1][1]


class TestChoice:
    """Some of the ready applications, by the field of the form."""

    @pytest.fixture
    def three(self, ti: Ti) -> Ti:
        apps = [application("db", servers=(1,)), application("web", servers=(2,), dependsOn=["db"])]
        ti.plan = plan_with(*apps, application("mail", servers=(3,)), dryRun=False, approvals=APPROVERS)
        ti.xcoms["go_no_go", "return_value"] = SHEET | {"ready": ["db", "web", "mail"], "done": []}
        return ti

    def test_the_form_offers_what_has_something_to_approve(self, three: Ti, asked: list[Any]) -> None:
        three.xcoms["go_no_go", "return_value"]["done"] = ["db"]
        task = ask(three)
        assert task.operator.params["applications"] == ["web", "mail"]

    def test_one_application_is_no_choice(self, ti: Ti, asked: list[Any]) -> None:
        assert "applications" not in ask(ti).operator.params

    def test_only_the_chosen_ones_are_approved(self, three: Ti, asked: list[Any]) -> None:
        result = ask(three).complete(answer("Approve", applications=["mail"]))
        assert result["applications"] == ["mail"]
        assert three.ready[-1] == ["mail"]
        assert three.noted[-1]["chosen"] == ["mail"]

    def test_what_was_done_before_keeps_its_approval(self, three: Ti, asked: list[Any]) -> None:
        three.xcoms["go_no_go", "return_value"]["done"] = ["db"]
        ask(three).complete(answer("Approve", applications=["web"]))
        assert three.ready[-1] == ["db", "web"]

    def test_an_answer_that_names_none_of_them_means_all(self, three: Ti, asked: list[Any]) -> None:
        ask(three).complete(answer("Approve"))
        assert three.ready[-1] == ["db", "web", "mail"]
        assert "chosen" not in three.noted[-1]

    @pytest.mark.parametrize(
        ("named", "why"),
        [
            (["other"], "does not offer other"),
            ([], "no application was chosen"),
            (None, "no application was chosen"),
            (["web"], "web needs db, which was not chosen"),
        ],
    )
    def test_what_cannot_be_approved_alone(self, three: Ti, asked: list[Any], named: Any, why: str) -> None:
        with pytest.raises(AirflowFailException, match=f"{why}.*answer it again"):
            ask(three).complete(answer("Approve", applications=named))
        assert three.noted[-1]["approved"] is False
        assert three.ready[-1] == []

    def test_a_retry_after_a_kill_approves_no_more_than_was_chosen(self, three: Ti, asked: list[Any]) -> None:
        ask(three).complete(answer("Approve", applications=["mail"]))
        noted = {"approvals": {"cutover": three.noted[-1] | {"applications": ["mail"]}}}
        three.records = {"m": Record("m", "wave-3", "mail", "s-m", Phase.READY, facts=noted)}
        three.try_number = 2
        assert approve().execute(three.context)["applications"] == ["mail"]
        assert len(asked) == 1

    def test_a_question_that_was_cleared_and_not_asked_yet_is_not_answered_by_the_one_before(
        self, three: Ti, asked: list[Any]
    ) -> None:
        ask(three).complete(answer("Approve", applications=["mail"]))
        noted = {"approvals": {"cutover": three.noted[-1] | {"applications": ["mail"]}}}
        three.records = {"m": Record("m", "wave-3", "mail", "s-m", Phase.READY, facts=noted)}
        # Cleared: try 2, whose worker dies before it asks; Airflow runs it again.
        three.try_number = 3
        ask(three)
        assert len(asked) == 2


class TestAge:
    @pytest.fixture
    def read(self, ti: Ti, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """What the sheet's step answers now; the sheet that was made before is old."""
        now = SHEET | {"markdown": "again", "madeAt": "2026-01-09T09:00:00+00:00"}
        monkeypatch.setenv("MIGRATION_OPS_EVIDENCE_MAX_AGE_MINUTES", "5")
        monkeypatch.setattr(evidence_age, "services_of", lambda *_: SimpleNamespace(flush=lambda: None))
        monkeypatch.setitem(evidence_age.STEPS, "go_no_go", lambda services, inp: Done(now))
        return now

    def test_old_evidence_is_read_again_before_it_is_shown(
        self, ti: Ti, asked: list[Any], read: dict[str, Any]
    ) -> None:
        task = ask(ti)
        assert task.operator.body == "again"
        task.complete(answer("Approve"))
        assert ti.noted[-1]["sheetMadeAt"] == read["madeAt"]

    def test_a_retry_after_a_kill_finds_the_answer_to_the_sheet_that_was_made_anew(
        self, ti: Ti, asked: list[Any], read: dict[str, Any]
    ) -> None:
        ask(ti).complete(answer("Approve"))
        noted = {"approvals": {"cutover": ti.noted[-1] | {"applications": ["billing"]}}}
        ti.records = {"m": Record("m", "wave-3", "billing", "s-m", Phase.READY, facts=noted)}
        ti.try_number = 2
        assert approve().execute(ti.context)["approved"] is True
        assert len(asked) == 1

    def test_what_differs_is_not_asked_about(self, ti: Ti, asked: list[Any], read: dict[str, Any]) -> None:
        read["digest"] = "sheet-2"
        with pytest.raises(AirflowFailException, match="clear `go_no_go` with downstream"):
            ask(ti)
        assert asked == []

    def test_young_evidence_is_shown_as_it_is(
        self, ti: Ti, asked: list[Any], read: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MIGRATION_OPS_EVIDENCE_MAX_AGE_MINUTES", "5256000")
        assert ask(ti).operator.body == "evidence"
