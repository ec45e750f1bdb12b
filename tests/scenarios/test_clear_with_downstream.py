"""An application is retried by each road that Airflow offers: one instance, its whole group, a run's failed tasks."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.scenarios.airflow_api import Document, Run
from tests.scenarios.lab import Lab, servers_of
from tests.scenarios.stories import story

FINAL = "approve_finalize"
GROUP = [f"cutover.{one}" for one in ("wait_for_dependencies", "quiesce", "cutover", "cutover_verify")]


def begun(lab: Lab, name: str) -> tuple[Run, list[Document]]:
    """Two applications; b fails at its first launch, a is cut over, and the finalize question waits."""
    apps = lab.seed({"appName": f"{name}-a", "servers": 1}, {"appName": f"{name}-b", "servers": 1})
    lab.sandbox.add_fault("launchFailure", serverIds=servers_of(apps[1:]), times=1)
    approvals = {"cutover": False, "finalize": True, "timeoutMinutes": 60}
    run = lab.wave(name, apps, testLaunch=False, onFailure="hold", approvals=approvals)
    assert lab.task(run, "cutover.cutover", 1) == "failed"
    return run, apps


def clear(lab: Lab, run: Run, **what: object) -> None:
    """As the UI's dialogue sends it."""
    body = {"dry_run": False, "dag_run_id": run.run_id, **what}
    lab._change(lambda: lab.api.call("POST", f"/dags/{run.dag_id}/clearTaskInstances", body))


def ended(lab: Lab, run: Run, apps: list[Document], **more: object) -> SimpleNamespace:
    return SimpleNamespace(run=run, wave=run.run_id.rsplit("-", 1)[0], apps=apps, state=lab.end(run), **more)


@story
def cleared_instance(lab: Lab) -> SimpleNamespace:
    """The red box of the grid, with downstream, while the question for the other application waits."""
    run, apps = begun(lab, "by-instance")
    first = lab.api.wait_for_question(*run, FINAL, timeout_seconds=1_200)
    lab.clear(run, "cutover.cutover", 1)
    lab.task(run, "cutover.cutover_verify", 1)
    return ended(lab, run, apps, first=first, second=lab.answer(run, FINAL, "Approve"))


def half_done(lab: Lab, name: str) -> tuple[Run, list[Document], Document]:
    """The run is over: a is finalized, b failed; and the question that was answered."""
    run, apps = begun(lab, name)
    first = lab.answer(run, FINAL, "Approve")
    assert lab.end(run) == "failed"
    return run, apps, first


@story
def cleared_group(lab: Lab) -> SimpleNamespace:
    """All instances of the group, that of the finalized application too, after the run's end."""
    run, apps, first = half_done(lab, "by-group")
    clear(lab, run, task_ids=GROUP, include_downstream=True, only_failed=False)
    return ended(lab, run, apps, first=first, second=lab.answer(run, FINAL, "Approve"))


@story
def cleared_failed(lab: Lab) -> SimpleNamespace:
    """ "Clear only failed tasks": the approval that was given is not among them, and does not name b."""
    run, apps, first = half_done(lab, "by-failed")
    clear(lab, run, only_failed=True, include_downstream=False)
    halfway = lab.end(run), lab.phases("by-failed"), lab.log(run, "finish.close", 1)
    lab.clear(run, "soak")
    return ended(lab, run, apps, first=first, halfway=halfway, second=lab.answer(run, FINAL, "Approve"))


@pytest.fixture(params=["instance", "group", "failed"])
def cleared(
    request: pytest.FixtureRequest,
    cleared_instance: SimpleNamespace,
    cleared_group: SimpleNamespace,
    cleared_failed: SimpleNamespace,
) -> SimpleNamespace:
    by_road = {"instance": cleared_instance, "group": cleared_group, "failed": cleared_failed}
    return by_road[request.param]


class TestByEachRoad:
    def test_both_are_finalized(self, cleared: SimpleNamespace, lab: Lab) -> None:
        assert cleared.state == "success", lab.airflow.explain(cleared.run)
        phases = lab.phases(cleared.wave)
        assert phases == {f"{cleared.wave}-a": {"FINALIZED"}, f"{cleared.wave}-b": {"FINALIZED"}}

    def test_only_the_one_that_failed_is_launched_again(self, cleared: SimpleNamespace, lab: Lab) -> None:
        a, b = servers_of(cleared.apps)
        assert lab.jobs(cleared.apps, "START_CUTOVER") == {a: 1, b: 2}
        assert set(map(len, lab.instances(cleared.apps).values())) == {1}

    def test_the_question_is_asked_anew_with_both(self, cleared: SimpleNamespace) -> None:
        assert cleared.first["created_at"] != cleared.second["created_at"]
        assert "1 of 2 applications" in cleared.first["body"]
        assert f"{cleared.wave}-b" in cleared.second["body"]


def test_the_earlier_approval_does_not_cover_what_was_not_on_its_sheet(cleared_failed: SimpleNamespace) -> None:
    state, phases, log = cleared_failed.halfway
    assert state == "failed"
    assert phases["by-failed-b"] == {"CUTOVER_VERIFIED"}
    assert "GOAL_MISSED" in log
    assert "clear `soak` with downstream" in log
