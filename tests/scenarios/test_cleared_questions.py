"""A question that was open when its application was cleared is asked again, with what happened since."""

from __future__ import annotations

import time
from types import SimpleNamespace

from tests.scenarios.airflow_api import Document, Run
from tests.scenarios.lab import PATIENCE_SECONDS, Lab, servers_of
from tests.scenarios.stories import story

DECIDE = "cutover.decide"


def asked_after(lab: Lab, run: Run, before: str) -> Document:
    """The question that waits now and is another one than the one before; the task's own error when it failed."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        task = lab.api.task(*run, DECIDE, 0)
        assert task["state"] != "failed", lab.log(run, DECIDE, 0)
        if task["state"] == "awaiting_input":
            question = lab.api.question(*run, DECIDE, 0)
            if question["created_at"] != before:
                return question
        time.sleep(1)
    raise TimeoutError(f"{DECIDE} of {run} was not asked again: {lab.states(run)}")


@story
def asked_anew(lab: Lab) -> SimpleNamespace:
    """Two critical applications; the cutover of one fails each time, and its question is never answered before."""
    apps = lab.seed(
        {"appName": "reopened-a", "servers": 1, "impact": "critical"},
        {"appName": "reopened-b", "servers": 1, "impact": "critical", "dependsOn": ["reopened-a"]},
    )
    lab.sandbox.add_fault("launchFailure", serverIds=servers_of(apps[:1]), times=3)
    run = lab.wave("reopened", apps, testLaunch=False)
    questions = [lab.api.wait_for_question(*run, DECIDE, 0, PATIENCE_SECONDS)]
    # As the hint of the failed task says, while the question waits; then that of the one that waits for it.
    lab.clear(run, "cutover.cutover", 0)
    lab.clear(run, "cutover.wait_for_dependencies", 1)
    questions.append(asked_after(lab, run, questions[-1]["created_at"]))
    # A person sets the state of the open question by hand, and clears then.
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{DECIDE}/0"
    lab.api.call("PATCH", path, {"new_state": "success"})
    lab.clear(run, "cutover.cutover", 0)
    questions.append(asked_after(lab, run, questions[-1]["created_at"]))
    lab.answer(run, DECIDE, "Roll back", 0)
    return SimpleNamespace(
        run=run, apps=apps, questions=questions, state=lab.end(run), jobs=lab.jobs(apps, "START_CUTOVER")
    )


class TestAskedAgain:
    def test_each_try_asks_anew(self, asked_anew: SimpleNamespace) -> None:
        """Each is a row of its own: Airflow would keep the first one, with its text, and only forget the answer."""
        assert len({one["created_at"] for one in asked_anew.questions}) == 3
        assert not any(one["response_received"] for one in asked_anew.questions)

    def test_the_answer_is_that_to_the_last_one(self, asked_anew: SimpleNamespace, lab: Lab) -> None:
        assert asked_anew.state == "failed"
        assert lab.phases("reopened")["reopened-a"] == {"ROLLED_BACK"}
        assert sorted(asked_anew.jobs.values()) == [0, 3]
