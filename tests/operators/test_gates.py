"""A gate that said no asks nobody what to do; a failure does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.errors import StepFailedError
from migration_ops.core.states import Phase
from migration_ops.ledger.protocol import Record
from migration_ops.operators import approval
from migration_ops.operators.approval import DecideOperator
from migration_ops.operators.wave.gates import GATE_KEY, gates_of, note_gate
from migration_ops.operators.wave.step import StepOperator
from migration_ops.wave.permission import NotQuiescedError, WaveStoppedError
from tests.wave.builders import plan as plan_with

PLAN = plan_with(dryRun=False, onFailure="rollback")
APP = PLAN.applications[0].as_document()


class Ti:
    """A mapped task instance with the XComs and states of its group."""

    def __init__(self, **states: str) -> None:
        self.dag_id, self.run_id, self.map_index, self.task_id = "migration_wave", "run", 3, "cutover.decide"
        self.states, self.xcoms = states, {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[self.task_id, key] = value

    def xcom_pull(self, task_ids: str, key: str, map_indexes: int) -> Any:
        assert map_indexes == self.map_index
        return self.xcoms.get((task_ids, key))

    def get_task_states(self, **_: Any) -> Any:
        # As Airflow: the map index is appended to the id of a mapped task.
        return {self.run_id: {f"{task}_{self.map_index}": state for task, state in self.states.items()}}

    def shut(self, task: str) -> Ti:
        mine, self.task_id = self.task_id, task
        note_gate(self, WaveStoppedError("the wave stops"))
        self.task_id = mine
        return self


def decide(monkeypatch: pytest.MonkeyPatch, ti: Ti, error_code: str | None = None, quiesce: str | None = None) -> Any:
    facts = {"quiesce": {"state": quiesce}} if quiesce else {}
    record = Record("mig-a", "wave", "app", "s-a", Phase.READY, error_code=error_code, facts=facts)
    monkeypatch.setattr(approval, "plan_of", lambda _: PLAN)
    monkeypatch.setattr(approval, "write_decision", lambda *_: None)
    monkeypatch.setattr(approval, "services_of", lambda *_: None)
    monkeypatch.setattr(approval, "records_of", lambda *_: [record])
    return DecideOperator(task_id="decide", watched=["a", "b"], app=APP).execute({"ti": ti})


def test_what_a_gate_said_is_nothing_to_decide_about(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException, match="WAVE_STOPPED"):
        decide(monkeypatch, Ti(a="failed", b="upstream_failed").shut("a"))


@pytest.mark.parametrize("states", [{"a": "failed"}, {"a": "failed", "b": "failed"}])
def test_a_failure_beside_a_gate_is_decided_about(monkeypatch: pytest.MonkeyPatch, states: dict[str, str]) -> None:
    assert decide(monkeypatch, Ti(**states).shut("b"))["decision"] == "rollback"


def test_a_failure_that_the_ledger_still_holds_is_decided_about(monkeypatch: pytest.MonkeyPatch) -> None:
    assert decide(monkeypatch, Ti(a="failed").shut("a"), "LAUNCH_FAILED")["decision"] == "rollback"


@pytest.mark.parametrize("state", ["INTENDED", "STOPPING", "STOPPED", "STOP_FAILED", "STOP_UNKNOWN", "UNDO_FAILED"])
def test_a_gate_that_shut_after_the_source_was_stopped_is_decided_about(
    monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The window closed between quiesce and cutover: the application is out of service until somebody acts."""
    assert decide(monkeypatch, Ti(a="failed").shut("a"), quiesce=state)["decision"] == "rollback"


def test_a_source_that_was_started_again_leaves_nothing_to_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowSkipException):
        decide(monkeypatch, Ti(a="failed").shut("a"), quiesce="STARTED")


def test_nothing_said_is_no_gate() -> None:
    assert gates_of(Ti(), []) is None
    assert gates_of(Ti(), ["a"]) is None


@pytest.mark.parametrize(("error", "is_gate"), [(NotQuiescedError("no"), True), (StepFailedError("broken"), False)])
def test_a_step_leaves_what_its_gate_said_and_notes_no_failure(
    monkeypatch: pytest.MonkeyPatch, error: Exception, is_gate: bool
) -> None:
    noted: list[str] = []

    def run(*_: Any) -> None:
        raise error

    monkeypatch.setattr("migration_ops.operators.wave.step.STEPS", {"cutover": run})
    monkeypatch.setattr("migration_ops.operators.wave.step.note_failure", lambda *_: noted.append("failure"))
    operator, ti = StepOperator(task_id="cutover", step="cutover", app=APP, doc_md=""), Ti()
    inp: Any = SimpleNamespace(app=APP, application=APP)
    with pytest.raises(type(error)):
        operator._run(ti, SimpleNamespace(flush=lambda: None), inp)  # type: ignore[arg-type]
    assert noted == ([] if is_gate else ["failure"])
    assert ((ti.task_id, GATE_KEY) in ti.xcoms) is is_gate
