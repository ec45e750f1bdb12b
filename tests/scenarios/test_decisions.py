"""What people decide, and what happens when they do not: roll back, hold, reject, say nothing."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import Lab, servers_of
from tests.scenarios.stories import story


@story
def undone(lab: Lab) -> SimpleNamespace:
    """A cutover fails, somebody answers "Roll back"; the sibling completes meanwhile."""
    apps = lab.seed({"appName": "undone-a", "servers": 2}, {"appName": "undone-b", "servers": 1})
    broken = servers_of(apps)[1]
    lab.sandbox.add_fault("launchFailure", serverIds=[broken], times=1)
    run = lab.wave("undone", apps, testLaunch=False)
    question = lab.answer(run, "cutover.decide", "Roll back", 0, comment="network is wrong")
    state = lab.end(run)
    return SimpleNamespace(
        run=run, apps=apps, broken=broken, question=question, state=state, states=lab.states(run), note=lab.note(run)
    )


class TestRolledBack:
    def test_a_rollback_that_worked_is_still_red(self, undone: SimpleNamespace) -> None:
        assert undone.state == "failed"
        assert undone.states["cutover.cutover[0]"] == "failed"
        assert undone.states["cutover.rollback[0]"] == "success"
        assert undone.states["finish.close[0]"] == "failed"
        assert undone.states["wave_complete"] == "upstream_failed"
        assert undone.states["report"] == "success"

    def test_the_sibling_completed(self, undone: SimpleNamespace, lab: Lab) -> None:
        assert undone.states["finish.finalize[1]"] == "success"
        assert undone.states["cutover.rollback[1]"] == "skipped"
        assert lab.phases("undone") == {"undone-a": {"ROLLED_BACK"}, "undone-b": {"FINALIZED"}}

    def test_nothing_of_it_is_left(self, undone: SimpleNamespace, lab: Lab) -> None:
        failed, sibling = undone.apps
        assert lab.lifecycle([failed]) == {"READY_FOR_CUTOVER"}
        assert set(map(len, lab.instances([failed]).values())) == {0}
        assert set(map(len, lab.instances([sibling]).values())) == {1}
        assert lab.locked(undone.apps) == []

    def test_the_question_tells_what_happened(self, undone: SimpleNamespace) -> None:
        assert undone.question["subject"] == "Wave undone: undone-a failed. What now?"
        assert undone.broken in undone.question["body"]

    def test_who_decided_and_why_is_kept(self, undone: SimpleNamespace, lab: Lab) -> None:
        details = [one.detail for one in lab.history("undone") if one.event == "rollback started"]
        assert details
        assert all(one["reason"] == "network is wrong" and one["by"] for one in details)

    def test_the_note_names_the_application(self, undone: SimpleNamespace) -> None:
        assert undone.note.startswith("## Wave `undone` did NOT reach its goal")
        assert "undone-a" in undone.note


@story
def held(lab: Lab) -> SimpleNamespace:
    """``onFailure: hold``: nothing is touched, nobody is asked; cleared with downstream it goes on."""
    apps = lab.seed({"appName": "held-a", "servers": 1})
    lab.sandbox.add_fault("launchFailure", serverIds=servers_of(apps), times=1)
    run = lab.wave("held", apps, testLaunch=False, onFailure="hold")
    first = SimpleNamespace(state=lab.end(run), states=lab.states(run), phases=lab.phases("held"))
    lab.clear(run, "cutover.cutover", 0)
    return SimpleNamespace(run=run, apps=apps, first=first, state=lab.end(run))


class TestHeld:
    def test_it_is_left_to_a_person(self, held: SimpleNamespace) -> None:
        assert held.first.state == "failed"
        assert held.first.states["cutover.decide[0]"] == "success"
        assert held.first.states["cutover.rollback[0]"] == "skipped"
        assert held.first.phases == {"held-a": {"FROZEN"}}

    def test_cleared_it_finishes_green(self, held: SimpleNamespace, lab: Lab) -> None:
        assert held.state == "success", lab.airflow.explain(held.run)
        assert lab.phases("held") == {"held-a": {"FINALIZED"}}
        assert set(lab.jobs(held.apps, "START_CUTOVER").values()) == {2}, "one failed, one after the clear"
        assert set(map(len, lab.instances(held.apps).values())) == {1}


@story
def rejected(lab: Lab) -> SimpleNamespace:
    """A person rejects the cutover; a second run on the same servers was refused while the first one waited."""
    apps = lab.seed({"appName": "rejected-a", "servers": 1})
    approvals = {"cutover": True, "finalize": True, "timeoutMinutes": 60}
    run = lab.wave("rejected", apps, testLaunch=False, approvals=approvals)
    lab.task(run, "approve_cutover", -1, "awaiting_input")
    second = lab.wave("rejected-2", apps, testLaunch=False)
    second_state = lab.end(second)
    second_told = SimpleNamespace(
        run=second,
        state=second_state,
        states=lab.states(second),
        note=lab.note(second),
        log=lab.log(second, "preflight"),
    )
    lab.answer(run, "approve_cutover", "Reject", comment="not tonight")
    state = lab.end(run)
    return SimpleNamespace(
        run=run,
        apps=apps,
        second=second_told,
        state=state,
        states=lab.states(run),
        log=lab.log(run, "approve_cutover"),
        tries=lab.api.task(*run, "approve_cutover")["try_number"],
    )


class TestRejected:
    def test_nothing_was_cut_over(self, rejected: SimpleNamespace, lab: Lab) -> None:
        assert rejected.state == "failed"
        assert rejected.states["approve_cutover"] == "failed"
        assert set(lab.jobs(rejected.apps, "START_CUTOVER").values()) == {0}
        assert lab.lifecycle(rejected.apps) == {"READY_FOR_CUTOVER"}
        assert lab.locked(rejected.apps) == []

    def test_a_rejection_is_not_asked_again(self, rejected: SimpleNamespace) -> None:
        assert rejected.tries == 1
        assert "cutover was rejected by" in rejected.log

    def test_nobody_has_to_decide_about_applications_that_did_not_fail(self, rejected: SimpleNamespace) -> None:
        assert rejected.states["cutover.decide[0]"] in ("skipped", "upstream_failed")
        assert rejected.states["cutover.rollback[0]"] in ("skipped", "upstream_failed")

    def test_who_rejected_and_why_is_kept(self, rejected: SimpleNamespace, lab: Lab) -> None:
        [entry] = [one for one in lab.history("rejected") if one.event == "cutover not approved"]
        assert entry.detail["comment"] == "not tonight"
        assert entry.detail["by"]

    def test_the_second_run_was_refused(self, rejected: SimpleNamespace) -> None:
        second = rejected.second
        assert second.state == "failed"
        assert second.states["preflight"] == "failed"
        assert {name for name, state in second.states.items() if state == "success"} == {"plan", "report"}
        assert rejected.run.run_id in second.log
        assert rejected.run.run_id in second.note
        assert second.states["go_no_go"] == "skipped"


@story
def unanswered(lab: Lab) -> SimpleNamespace:
    """Nobody answers: that approves nothing."""
    apps = lab.seed({"appName": "unanswered-a", "servers": 1})
    run = lab.wave(
        "unanswered", apps, testLaunch=False, approvals={"cutover": True, "finalize": True, "timeoutMinutes": 0.2}
    )
    state = lab.end(run)
    return SimpleNamespace(
        run=run,
        apps=apps,
        state=state,
        states=lab.states(run),
        log=lab.log(run, "approve_cutover"),
        tries=lab.api.task(*run, "approve_cutover")["try_number"],
    )


class TestUnanswered:
    def test_silence_is_a_rejection(self, unanswered: SimpleNamespace, lab: Lab) -> None:
        assert unanswered.state == "failed"
        assert unanswered.states["approve_cutover"] == "failed"
        assert "nobody answered in time" in unanswered.log
        assert unanswered.tries == 1
        assert set(lab.jobs(unanswered.apps, "START_CUTOVER").values()) == {0}

    def test_the_ledger_says_so(self, unanswered: SimpleNamespace, lab: Lab) -> None:
        [entry] = [one for one in lab.history("unanswered") if one.event == "cutover not approved"]
        assert "nobody answered" in entry.detail["comment"]
        assert lab.phases("unanswered") == {"unanswered-a": {"FAILED"}}
