"""A test launch fails, somebody fixes the cause and clears the task with downstream: the run ends green."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import PATIENCE_SECONDS, Lab, servers_of
from tests.scenarios.stories import story

NAME = "test-fails"


@story
def fixed(lab: Lab) -> SimpleNamespace:
    apps = lab.seed({"appName": "fixed-a", "servers": 2}, {"appName": "fixed-b", "servers": 1})
    broken = servers_of(apps)[0]
    lab.sandbox.add_fault("launchFailure", serverIds=[broken], times=1)
    run = lab.wave(NAME, apps)
    index = 0
    failed = lab.task(run, "test.test_launch", index)
    question = lab.api.wait_for_question(*run, "test.decide", index, PATIENCE_SECONDS)
    log = lab.log(run, "test.test_launch", index)
    # The sibling does not wait for the decision; it reaches its own cutover.
    lab.task(run, "cutover.cutover_verify", 1, "success")
    lab.clear(run, "test.test_launch", index)
    return SimpleNamespace(
        run=run, apps=apps, broken=broken, failed=failed, question=question, log=log, state=lab.end(run)
    )


def test_the_failure_is_shown_where_people_look(fixed: SimpleNamespace) -> None:
    assert fixed.failed == "failed"
    assert fixed.broken in fixed.log
    assert "STEP_FAILED" in fixed.log
    assert fixed.broken in fixed.question["body"]
    assert "clear the failed task with downstream" in fixed.question["body"]
    assert fixed.question["options"] == ["Roll back", "Leave as it is"]


def test_cleared_with_downstream_the_run_ends_green(fixed: SimpleNamespace, lab: Lab) -> None:
    assert fixed.state == "success", lab.airflow.explain(fixed.run)
    assert lab.phases(NAME) == {"fixed-a": {"FINALIZED"}, "fixed-b": {"FINALIZED"}}
    assert lab.lifecycle(fixed.apps) == {"CUTOVER"}


def test_only_what_failed_was_launched_again(fixed: SimpleNamespace, lab: Lab) -> None:
    jobs = lab.jobs(fixed.apps, "START_TEST")
    assert jobs.pop(fixed.broken) == 2
    assert set(jobs.values()) == {1}
    assert set(lab.jobs(fixed.apps, "START_CUTOVER").values()) == {1}
    assert {len(one) for one in lab.instances(fixed.apps).values()} == {1}


@story
def asked_again(lab: Lab) -> SimpleNamespace:
    """The approval waits with one application left out; that one is fixed, and the approval is asked for again."""
    apps = lab.seed({"appName": "again-a", "servers": 1}, {"appName": "again-b", "servers": 1})
    lab.sandbox.add_fault("launchFailure", serverIds=servers_of(apps)[:1], times=1)
    run = lab.wave("again", apps, approvals={"cutover": True, "finalize": False, "timeoutMinutes": 60})
    lab.task(run, "test.test_launch", 0, "failed")
    first = lab.api.wait_for_question(*run, "approve_cutover", -1, PATIENCE_SECONDS)
    old_sheet = lab.api.xcom(*run, "go_no_go")
    lab.clear(run, "test.test_launch", 0)
    second = lab.answer(run, "approve_cutover", "Approve")
    state = lab.end(run)
    return SimpleNamespace(
        run=run, first=first, old=old_sheet, second=second, new=lab.api.xcom(*run, "go_no_go"), state=state
    )


def test_people_approve_the_sheet_that_counts_and_not_an_earlier_one(asked_again: SimpleNamespace) -> None:
    """Airflow keeps the question of a cleared task, and would show its old evidence with the new approval."""
    assert "1 of 2 applications are ready" in asked_again.first["body"]
    assert asked_again.first["body"] == asked_again.old["markdown"]
    assert "2 of 2 applications are ready" in asked_again.second["body"]
    assert asked_again.second["body"] == asked_again.new["markdown"]


def test_both_applications_go_on_from_there(asked_again: SimpleNamespace, lab: Lab) -> None:
    assert asked_again.state == "success", lab.airflow.explain(asked_again.run)
    assert lab.phases("again") == {"again-a": {"FINALIZED"}, "again-b": {"FINALIZED"}}
