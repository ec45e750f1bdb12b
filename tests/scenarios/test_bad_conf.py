"""A conf that is wrong: named in the first task's log and in the run's note, before anything is touched."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from include.local.airflow_http import AirflowApiError
from tests.scenarios.lab import WAVE, Lab
from tests.scenarios.stories import story


@story
def bad_confs(lab: Lab) -> SimpleNamespace:
    apps = lab.seed({"appName": "bad-a", "servers": 1}, {"appName": "bad-b", "servers": 1})
    cycle = [apps[0] | {"dependsOn": ["bad-b"]}, apps[1] | {"dependsOn": ["bad-a"]}]
    runs = {
        "unknown key": lab.wave("bad-key", apps, dryRum=False),
        "cycle": lab.wave("bad-cycle", cycle),
        "callback": lab.wave("bad-callback", apps, callbackUrl="http://169.254.169.254/latest/meta-data"),
        "several": lab.wave("bad-several", cycle, soakMinutes=-1, mgnWaveId="wave-9"),
    }
    states = {name: lab.end(run) for name, run in runs.items()}
    return SimpleNamespace(apps=apps, runs=runs, states=states)


EXPECTED = [
    ("unknown key", "INVALID_CONF", "dryRum"),
    ("cycle", "INVALID_CONF", "bad-a"),
    ("callback", "FORBIDDEN_URL", "169.254.169.254"),
    ("several", "INVALID_CONF", "soakMinutes"),
    ("several", "INVALID_CONF", "mgnWaveId"),
]


@pytest.mark.parametrize(("which", "code", "named"), EXPECTED)
def test_the_finding_is_in_the_log_and_in_the_note(
    bad_confs: SimpleNamespace, lab: Lab, which: str, code: str, named: str
) -> None:
    run = bad_confs.runs[which]
    assert bad_confs.states[which] == "failed"
    log, note = lab.log(run, "plan"), lab.note(run)
    assert code in log
    assert named in log
    assert code in note
    assert named in note


def test_only_the_plan_failed_and_it_failed_once(bad_confs: SimpleNamespace, lab: Lab) -> None:
    for run in bad_confs.runs.values():
        assert lab.api.task(*run, "plan")["try_number"] == 1, "bad input is not retried"
        states = lab.states(run)
        assert {name for name, state in states.items() if state == "failed"} == {"plan"}
        assert not {name for name, state in states.items() if state == "success"}, states


def test_nothing_was_touched(bad_confs: SimpleNamespace, lab: Lab) -> None:
    assert lab.mutations(bad_confs.apps) == []
    assert lab.locked(bad_confs.apps) == []


def test_a_wrong_type_is_refused_by_the_trigger_form(lab: Lab) -> None:
    with pytest.raises(AirflowApiError) as refusal:
        lab.start(WAVE, {"wave": "bad-type", "dryRun": "no"})
    assert refusal.value.status == 400
    assert "dryRun" in str(refusal.value)
