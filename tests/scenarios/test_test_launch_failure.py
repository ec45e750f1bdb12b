"""A test launch fails, somebody mends the cause and clears the task with downstream: the run ends green."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import PATIENCE_SECONDS, Lab, servers_of
from tests.scenarios.stories import story

NAME = "test-fails"


@story
def mended(lab: Lab) -> SimpleNamespace:
    apps = lab.seed({"appName": "mended-a", "servers": 2}, {"appName": "mended-b", "servers": 1})
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


def test_the_failure_is_shown_where_people_look(mended: SimpleNamespace) -> None:
    assert mended.failed == "failed"
    assert mended.broken in mended.log
    assert "STEP_FAILED" in mended.log
    assert mended.broken in mended.question["body"]
    assert "clear the failed task with downstream" in mended.question["body"]
    assert mended.question["options"] == ["Roll back", "Leave as it is"]


def test_cleared_with_downstream_the_run_ends_green(mended: SimpleNamespace, lab: Lab) -> None:
    assert mended.state == "success", lab.airflow.explain(mended.run)
    assert lab.phases(NAME) == {"mended-a": {"FINALIZED"}, "mended-b": {"FINALIZED"}}
    assert lab.lifecycle(mended.apps) == {"CUTOVER"}


def test_only_what_failed_was_launched_again(mended: SimpleNamespace, lab: Lab) -> None:
    jobs = lab.jobs(mended.apps, "START_TEST")
    assert jobs.pop(mended.broken) == 2
    assert set(jobs.values()) == {1}
    assert set(lab.jobs(mended.apps, "START_CUTOVER").values()) == {1}
    assert {len(one) for one in lab.instances(mended.apps).values()} == {1}
