"""An approver takes one of the ready applications now, and the other one by a later question of the same run."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import Lab
from tests.scenarios.stories import story


@story
def some_approved(lab: Lab) -> SimpleNamespace:
    """The form's field names one; afterwards the sheet is made again, as the skipped task says."""
    apps = lab.seed({"appName": "some-a", "servers": 1}, {"appName": "some-b", "servers": 1})
    approvals = {"cutover": True, "finalize": False, "timeoutMinutes": 60}
    run = lab.wave("some", apps, testLaunch=False, finalize=False, approvals=approvals)
    first = lab.api.wait_for_question(*run, "approve_cutover", timeout_seconds=1_200)
    lab.api.respond(*run, "approve_cutover", ["Approve"], {"comment": "a only", "applications": ["some-a"]})
    halfway = SimpleNamespace(
        state=lab.end(run), states=lab.states(run), phases=lab.phases("some"), log=lab.log(run, "finish.close", 1)
    )
    skipped = lab.log(run, "cutover.wait_for_dependencies", 1)
    lab.clear(run, "go_no_go")
    second = lab.answer(run, "approve_cutover", "Approve")
    return SimpleNamespace(
        run=run, apps=apps, first=first, halfway=halfway, skipped=skipped, second=second, state=lab.end(run)
    )


class TestSomeApproved:
    def test_the_form_offers_both(self, some_approved: SimpleNamespace) -> None:
        assert some_approved.first["params"]["applications"]["value"] == ["some-a", "some-b"]

    def test_only_the_chosen_one_is_cut_over(self, some_approved: SimpleNamespace) -> None:
        assert some_approved.halfway.phases["some-a"] == {"CUTOVER_VERIFIED"}
        assert some_approved.halfway.states["cutover.cutover[0]"] == "success"
        assert some_approved.halfway.states["cutover.cutover[1]"] == "skipped"

    def test_the_run_is_red_until_the_other_one_is_asked_about(self, some_approved: SimpleNamespace) -> None:
        assert some_approved.halfway.state == "failed"
        assert "GOAL_MISSED" in some_approved.halfway.log
        assert "clear `go_no_go` with downstream" in some_approved.skipped

    def test_the_second_question_is_about_what_is_left(self, some_approved: SimpleNamespace, lab: Lab) -> None:
        assert "1 of 2 applications are ready, 1 done before" in some_approved.second["body"]
        assert "applications" not in some_approved.second["params"]
        assert some_approved.state == "success", lab.airflow.explain(some_approved.run)
        assert lab.phases("some") == {"some-a": {"CUTOVER_VERIFIED"}, "some-b": {"CUTOVER_VERIFIED"}}
        assert set(lab.jobs(some_approved.apps, "START_CUTOVER").values()) == {1}

    def test_the_ledger_says_who_approved_what(self, some_approved: SimpleNamespace, lab: Lab) -> None:
        lines = [
            (one.event, one.detail.get("applications"))
            for one in lab.history("some")
            if one.event.startswith("cutover ")
        ]
        assert ("cutover approved", ["some-a"]) in lines
        assert ("cutover not approved", ["some-b"]) in lines
        assert ("cutover approved", ["some-a", "some-b"]) in lines
