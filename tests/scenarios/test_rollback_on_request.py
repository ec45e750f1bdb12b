"""A wave that MGN itself names, cut over and left unfinalized; then ``migration_rollback`` takes it back."""

from __future__ import annotations

from types import SimpleNamespace

from tests.scenarios.lab import Lab
from tests.scenarios.stories import story


@story
def taken_back(lab: Lab) -> SimpleNamespace:
    document = {
        "wave": "mgn wave",
        "applications": [{"appName": "back-a", "servers": 1}, {"appName": "back-b", "servers": 1}],
    }
    seeded = lab.sandbox.add_estate(document)
    apps = seeded["applications"]
    run = lab.wave("back", [], mgnWaveId=seeded["mgnWaveId"], testLaunch=False, finalize=False)
    state = lab.end(run)
    phases, instances = lab.phases("back"), lab.instances(apps)
    dry = lab.rollback(wave="back", reason="looking only")
    dry_state = lab.end(dry)
    after_dry = lab.phases("back")
    real = lab.rollback(wave="back", reason="the business said so", dryRun=False)
    question = lab.answer(real, "approve_rollback", "Approve")
    return SimpleNamespace(
        apps=apps,
        run=run,
        state=state,
        phases=phases,
        instances=instances,
        dry=dry,
        dry_state=dry_state,
        dry_note=lab.note(dry),
        after_dry=after_dry,
        real=real,
        question=question,
        real_state=lab.end(real),
    )


def test_a_wave_of_mgn_is_moved_by_its_id(taken_back: SimpleNamespace, lab: Lab) -> None:
    assert taken_back.state == "success", lab.airflow.explain(taken_back.run)
    assert taken_back.phases == {"back-a": {"CUTOVER_VERIFIED"}, "back-b": {"CUTOVER_VERIFIED"}}
    assert set(map(len, taken_back.instances.values())) == {1}


def test_a_dry_rollback_shows_and_changes_nothing(taken_back: SimpleNamespace, lab: Lab) -> None:
    assert taken_back.dry_state == "success", lab.airflow.explain(taken_back.dry)
    assert taken_back.after_dry == taken_back.phases
    for instance in (one for found in taken_back.instances.values() for one in found):
        assert instance in taken_back.dry_note
    states = lab.states(taken_back.dry)
    assert states["approve_rollback"] == "skipped"


def test_the_real_one_takes_everything_back(taken_back: SimpleNamespace, lab: Lab) -> None:
    assert taken_back.real_state == "success", lab.airflow.explain(taken_back.real)
    assert lab.lifecycle(taken_back.apps) == {"READY_FOR_CUTOVER"}
    assert set(map(len, lab.instances(taken_back.apps).values())) == {0}
    assert lab.phases("back") == {"back-a": {"ROLLED_BACK"}, "back-b": {"ROLLED_BACK"}}
    assert lab.locked(taken_back.apps) == []


def test_the_approver_saw_what_would_be_lost(taken_back: SimpleNamespace) -> None:
    body = taken_back.question["body"]
    assert "the business said so" in body
    assert "Instances are terminated" in body
    for server in taken_back.instances:
        assert server in body


def test_a_rollback_of_nothing_says_so(lab: Lab) -> None:
    run = lab.rollback(wave="no-such-wave")
    assert lab.end(run) == "failed"
    assert "does not know these migrations" in lab.note(run)
