"""A dry run, which is what a run is when nobody says otherwise: everything is looked at, nothing is changed."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import WAVE, Lab
from tests.scenarios.stories import story


@story
def dry(lab: Lab) -> SimpleNamespace:
    apps = lab.seed({"appName": "dry-db", "servers": 1}, {"appName": "dry-web", "servers": 1, "dependsOn": ["dry-db"]})
    run = lab.start(WAVE, {"wave": "dry", "applications": apps, "cmdb": {"enabled": False}})
    return SimpleNamespace(run=run, apps=apps, state=lab.end(run))


def test_it_is_green_and_changed_nothing(dry: SimpleNamespace, lab: Lab) -> None:
    assert dry.state == "success", lab.airflow.explain(dry.run)
    assert lab.mutations(dry.apps) == []
    assert lab.lifecycle(dry.apps) == {"READY_FOR_TEST"}
    assert lab.records("dry") == {}
    assert lab.locked(dry.apps) == []


def test_what_it_skips_is_skipped(dry: SimpleNamespace, lab: Lab) -> None:
    states = lab.states(dry.run)
    ran = {name for name, state in states.items() if state == "success"}
    # A dry run that found nothing is green: the leaf has what the plan and the checks say.
    assert ran == {"plan", "preflight", "wave_complete", "report"}
    assert {state for name, state in states.items() if name not in ran} == {"skipped"}


def test_the_report_shows_the_plan(dry: SimpleNamespace, lab: Lab) -> None:
    report = lab.api.xcom(*dry.run, "report")
    assert report["dryRun"] is True
    assert "`dry-db` → `dry-web`" in report["markdown"]
    assert "### Steps of `dry-web`" in report["markdown"]
    assert [one["appName"] for one in report["estimate"]] == ["dry-db", "dry-web"]
    assert {one["verdict"] for one in report["checks"]} == {"OK"}


def test_the_note_says_that_it_was_a_dry_run(dry: SimpleNamespace, lab: Lab) -> None:
    note = lab.note(dry.run)
    assert "Dry run" in note
    assert "Nothing was changed" in note
    assert "dry-db" in note, "the plan belongs where people look first"
