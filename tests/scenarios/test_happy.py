"""A whole wave: two applications, one depends on the other, both approvals given by a person."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import Lab
from tests.scenarios.stories import story

NAME = "happy"


@story
def happy(lab: Lab) -> SimpleNamespace:
    apps = lab.seed(
        {"appName": "happy-db", "servers": 1}, {"appName": "happy-web", "servers": 2, "dependsOn": ["happy-db"]}
    )
    run = lab.wave(
        NAME,
        apps,
        approvals={"cutover": True, "finalize": True, "timeoutMinutes": 60},
        callbackUrl=lab.airflow.callback_url + "/happy",
        changeTicket="CHG-42",
    )
    go = lab.answer(run, "approve_cutover", "Approve", comment="looks good")
    before = lab.lifecycle(apps)
    final = lab.answer(run, "approve_finalize", "Approve")
    state = lab.end(run)
    return SimpleNamespace(run=run, apps=apps, state=state, go=go, final=final, before=before, states=lab.states(run))


def test_it_is_green_and_nothing_needed_a_decision(happy: SimpleNamespace, lab: Lab) -> None:
    assert happy.state == "success", lab.airflow.explain(happy.run)
    decided = {name: s for name, s in happy.states.items() if "decide" in name or "rollback" in name}
    assert set(decided.values()) == {"skipped"}, decided
    others = {name: s for name, s in happy.states.items() if name not in decided}
    assert set(others.values()) == {"success"}, others


def test_the_mapped_tasks_carry_the_names_of_their_applications(happy: SimpleNamespace, lab: Lab) -> None:
    names = {t["rendered_map_index"] for t in lab.api.tasks(*happy.run) if t["task_id"] == "cutover.cutover"}
    assert names == {"happy-db", "happy-web"}


def test_every_server_is_finalized_and_has_one_job_of_each_kind(happy: SimpleNamespace, lab: Lab) -> None:
    assert lab.lifecycle(happy.apps) == {"CUTOVER"}
    for kind in ("START_TEST", "START_CUTOVER"):
        assert set(lab.jobs(happy.apps, kind).values()) == {1}, kind
    # The test instances are gone, the new servers run.
    assert {len(one) for one in lab.instances(happy.apps).values()} == {1}
    assert lab.phases(NAME) == {"happy-db": {"FINALIZED"}, "happy-web": {"FINALIZED"}}
    assert lab.locked(happy.apps) == []


def test_the_dependent_application_waited(happy: SimpleNamespace, lab: Lab) -> None:
    at = {
        record.app_name: [one.at for one in lab.ledger.history(record.migration_id)]
        for record in lab.ledger.by_wave(NAME)
    }
    phases = {
        record.app_name: [one.phase for one in lab.ledger.history(record.migration_id)]
        for record in lab.ledger.by_wave(NAME)
    }
    verified = at["happy-db"][phases["happy-db"].index("CUTOVER_VERIFIED")]
    launched = at["happy-web"][phases["happy-web"].index("CUTTING_OVER")]
    assert verified < launched


def test_the_sheets_show_the_evidence_to_the_approver(happy: SimpleNamespace) -> None:
    assert "happy-web" in happy.go["body"]
    assert "Worst lag" in happy.go["body"]
    assert happy.go["subject"] == "Wave happy: approve cutover?"
    assert "There is no way back" in happy.final["body"]
    assert happy.before == {"READY_FOR_CUTOVER"}, "something was touched before the approval"


def test_who_approved_and_when_is_in_report_and_ledger(happy: SimpleNamespace, lab: Lab) -> None:
    report = lab.api.xcom(*happy.run, "report")
    for name in ("cutover", "finalize"):
        assert report["approvals"][name]["by"]
        assert report["approvals"][name]["at"].startswith("20")
    assert report["approvals"]["cutover"]["comment"] == "looks good"
    events = {one.event for one in lab.history(NAME)}
    assert {"cutover approved", "finalize approved"} <= events
    assert report["approvals"]["cutover"]["by"] in report["markdown"]
    assert "looks good" in report["markdown"]


def test_the_report_is_the_runs_note(happy: SimpleNamespace, lab: Lab) -> None:
    note = lab.note(happy.run)
    assert note.startswith("## Wave `happy` reached its goal"), note
    assert "CHG-42" in note


def test_the_receiver_knows_the_end(happy: SimpleNamespace, lab: Lab) -> None:
    deliveries = lab.deliveries("/happy")
    assert len(deliveries) == 3
    assert all(one["accepted"] and one["signatureValid"] for one in deliveries)
    assert {one["body"]["status"] for one in deliveries} == {"COMPLETED"}
    assert {one["body"]["instanceId"] for one in deliveries} == {one[0] for one in lab.instances(happy.apps).values()}
