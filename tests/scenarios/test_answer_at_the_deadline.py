"""An answer in the second in which the time-out comes: ledger, task and Airflow's own record say the same of it."""

from __future__ import annotations

import time
from datetime import datetime
from types import SimpleNamespace

from include.local.airflow_http import AirflowApiError
from tests.scenarios.airflow_api import Run
from tests.scenarios.lab import Lab
from tests.scenarios.stories import story

APPROVAL = "approve_cutover"
LIMIT_SECONDS, AROUND_SECONDS, RUNS = 12.0, 2.0, 3


def answered_around_the_deadline(lab: Lab, run: Run) -> list[int]:
    """Approves again and again from before the deadline until after it; Airflow's answers by status code."""
    lab.task(run, APPROVAL, -1, "awaiting_input")
    asked = datetime.fromisoformat(lab.api.question(*run, APPROVAL)["created_at"]).timestamp()
    time.sleep(max(asked + LIMIT_SECONDS - AROUND_SECONDS - time.time(), 0))
    codes = []
    while time.time() < asked + LIMIT_SECONDS + AROUND_SECONDS:
        try:
            lab.api.respond(*run, APPROVAL, ["Approve"])
            codes.append(200)
        except AirflowApiError as error:
            codes.append(error.status)
        time.sleep(0.1)
    return codes


@story
def late_answers(lab: Lab) -> list[SimpleNamespace]:
    """Each run has one application, whose cutover must be approved."""
    found = []
    for number in range(RUNS):
        name = f"deadline-{number}"
        apps = lab.seed({"appName": f"{name}-a", "servers": 1})
        approvals = {"cutover": True, "finalize": False, "timeoutMinutes": LIMIT_SECONDS / 60}
        run = lab.wave(name, apps, testLaunch=False, approvals=approvals)
        codes = answered_around_the_deadline(lab, run)
        found.append(
            SimpleNamespace(
                name=name,
                run=run,
                apps=apps,
                codes=codes,
                state=lab.end(run),
                task=lab.task(run, APPROVAL),
                question=lab.api.question(*run, APPROVAL),
                log=lab.log(run, APPROVAL),
            )
        )
    return found


def test_everybody_says_the_same(late_answers: list[SimpleNamespace], lab: Lab) -> None:
    for one in late_answers:
        events = [entry.event for entry in lab.history(one.name) if entry.event.startswith("cutover")]
        approved, refused = "cutover approved" in events, "cutover not approved" in events
        # Either one: the other way round is what must never be. What was answered and came too late is named as such.
        assert approved != refused, (one.name, events, one.codes)
        assert approved == (one.task == "success"), (one.name, one.task, events, one.codes)
        assert approved == (one.state == "success"), lab.airflow.explain(one.run)


def test_no_launch_without_the_approval(late_answers: list[SimpleNamespace], lab: Lab) -> None:
    for one in late_answers:
        launched = 1 if one.task == "success" else 0
        assert list(lab.jobs(one.apps, "START_CUTOVER").values()) == [launched], (one.name, one.codes)


def test_an_approval_is_that_of_the_person_whom_airflow_names(late_answers: list[SimpleNamespace], lab: Lab) -> None:
    for one in late_answers:
        if one.task == "success":
            [entry] = [each for each in lab.history(one.name) if each.event == "cutover approved"]
            assert entry.detail["by"] == one.question["responded_by_user"]["name"]
