"""A result that is not in XCom any more: skipped only when the state of its task explains that it is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from migration_ops.core.states import Phase
from migration_ops.operators.context import ResultLostError
from migration_ops.operators.wave.gates import GATE_KEY
from migration_ops.operators.wave.rollback import ReleaseOperator
from migration_ops.operators.wave.step import step_task
from migration_ops.operators.wave.wave import PlanOperator, PreflightOperator, ReportOperator
from tests.operators.wave.run import Run

Wave = Callable[..., Run]
OF_AN_APPLICATION = ("test_launch", "quiesce", "cutover", "cutover_verify", "finalize", "update_cmdb", "close")
OF_THE_WAVE = ("go_no_go", "cutover_window", "soak")


@pytest.fixture
def begun(wave: Wave) -> Run:
    run = wave()
    run.do(PlanOperator(task_id="plan"))
    run.do(PreflightOperator(task_id="preflight"))
    return run


def lose(run: Run, task_id: str) -> None:
    """As ``airflow db clean`` does."""
    for key in [key for key in run.values if key[0] == task_id]:
        del run.values[key]


def task_of(run: Run, name: str) -> Any:
    app = run.values.get(("plan", "plan"), {}).get("applications", [{}])[0]
    return step_task(step=name, task_id=name, **({"app": app} if name in OF_AN_APPLICATION else {}))


class TestThePlan:
    @pytest.mark.parametrize("name", [*OF_AN_APPLICATION, *OF_THE_WAVE])
    def test_a_plan_that_was_made_and_is_gone_is_an_error_of_what_needs_it(self, begun: Run, name: str) -> None:
        task = task_of(begun, name)
        lose(begun, "plan")
        with pytest.raises(ResultLostError) as lost:
            begun.do(task)
        assert lost.value.context["taskId"] == "plan"
        assert "new run" in lost.value.hint
        assert {one.error_code for one in begun.records()} == {None}

    def test_it_is_no_failure_of_the_application(self, begun: Run) -> None:
        """Else ``onFailure: rollback`` would undo what works."""
        task = task_of(begun, "cutover_verify")
        lose(begun, "plan")
        with pytest.raises(ResultLostError):
            begun.do(task)
        assert begun.values["cutover_verify", GATE_KEY]["code"] == "RESULT_LOST"

    @pytest.mark.parametrize("operator", [ReleaseOperator, ReportOperator, PreflightOperator])
    def test_and_of_what_is_no_step(self, begun: Run, operator: Any) -> None:
        lose(begun, "plan")
        more = {"approvals": {}} if operator is ReportOperator else {}
        with pytest.raises(ResultLostError):
            begun.do(operator(task_id="any", **more))

    @pytest.mark.parametrize("state", ["failed", "upstream_failed", "skipped"])
    def test_one_that_was_never_made_is_skipped(self, begun: Run, state: str) -> None:
        task = task_of(begun, "close")
        lose(begun, "plan")
        begun.states["plan"] = state
        with pytest.raises(AirflowSkipException, match=state):
            begun.do(task)

    @pytest.mark.parametrize("state", [None, "running", "queued", "scheduled", "deferred", "up_for_retry", "success"])
    def test_no_other_state_explains_it(self, begun: Run, state: str | None) -> None:
        task = task_of(begun, "close")
        lose(begun, "plan")
        begun.states["plan"] = state  # type: ignore[assignment]
        with pytest.raises(ResultLostError):
            begun.do(task)


class TestPreflight:
    @pytest.mark.parametrize("name", OF_THE_WAVE)
    def test_its_lost_result_is_an_error(self, begun: Run, name: str) -> None:
        lose(begun, "preflight")
        with pytest.raises(ResultLostError):
            begun.do(task_of(begun, name))

    def test_the_report_does_not_call_the_wave_unbegun(self, begun: Run) -> None:
        lose(begun, "preflight")
        with pytest.raises(ResultLostError):
            begun.do(ReportOperator(task_id="report", approvals={}))

    def test_after_a_failure_the_report_shows_the_checks(self, begun: Run) -> None:
        lose(begun, "preflight")
        begun.states["preflight"] = "failed"
        assert begun.do(ReportOperator(task_id="report", approvals={}))["dryRun"] is False


class TestADecision:
    def rollback(self, run: Run) -> Any:
        app = run.values["plan", "plan"]["applications"][0]
        return step_task(step="rollback", task_id="rollback", app=app, inputs={"decision": "decide"})

    def test_one_that_was_answered_and_is_gone_is_no_leave(self, begun: Run) -> None:
        begun.states["decide"] = "success"
        with pytest.raises(ResultLostError) as lost:
            begun.do(self.rollback(begun))
        assert lost.value.context["taskId"] == "decide"
        assert {one.phase for one in begun.records()} == {Phase.PLANNED}

    @pytest.mark.parametrize("state", ["skipped", "failed", "upstream_failed"])
    def test_one_that_was_never_taken_is(self, begun: Run, state: str) -> None:
        begun.states["decide"] = state
        with pytest.raises(AirflowSkipException):
            begun.do(self.rollback(begun))
