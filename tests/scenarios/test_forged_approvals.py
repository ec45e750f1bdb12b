"""On an Airflow with users: what whoever may edit XComs and task states can do approves nothing.

mallory triggers, alice approves, both with the simple auth manager's role *user*; carol may only look.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from include.local import profiles
from include.local.airflow_api import AirflowApi, AirflowApiError
from include.local.airflow_http import wait_until
from include.local.stack import LocalStack, home_of
from include.sandbox.client import SandboxClient
from migration_ops.core.documents import canonical_digest
from tests.scenarios.airflow_api import Run, ScenarioAirflow
from tests.scenarios.lab import ROLLBACK, WAVE, Lab

USERS = {"admin": "admin", "alice": "user", "mallory": "user", "carol": "viewer"}
PASSWORD = "only-of-this-stack"
APPROVED = {"testLaunch": False, "finalize": False, "approvals": {"approvers": ["alice"], "timeoutMinutes": 60}}


@dataclass(frozen=True)
class Office:
    """Everybody at one Airflow. ``lab`` acts as mallory."""

    lab: Lab
    stack: LocalStack

    def api(self, user: str) -> AirflowApi:
        return AirflowApi(self.stack.ui_url, user, PASSWORD)

    def as_user(self, user: str) -> Lab:
        return Lab(ScenarioAirflow(self.stack, self.api(user), self.lab.sandbox))

    def wave(self, name: str, **conf: Any) -> tuple[Run, list[Any]]:
        apps = self.lab.seed({"appName": name, "servers": 1, "state": "READY_FOR_CUTOVER"})
        return self.lab.wave(name, apps, **(APPROVED | conf)), apps

    def forge(self, run: Run, task_id: str, sheet_task: str, **more: Any) -> None:
        """The result that the question would leave after alice's yes, and the state that it would have."""
        api = self.api("mallory")
        sheet = api.xcom(*run, sheet_task)
        plan = api.xcom(*run, "plan", key="plan")
        answer = {"approved": True, "required": True, "by": "alice", "runId": run.run_id}
        bound = {"planHash": plan["planHash"], "sheetDigest": sheet["digest"], "applications": sheet.get("ready")}
        path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}"
        value = answer | bound | more
        self.lab._change(lambda: api.call("POST", f"{path}/xcomEntries", {"key": "return_value", "value": value}))
        self.lab._change(lambda: api.call("PATCH", path, {"new_state": "success"}))

    def refused(self, run: Run, task_id: str, user: str) -> int:
        """The status that an answer of this user gets."""
        api = self.api(user)
        try:
            # A 500 is a locked SQLite and no answer to the question who may.
            self.lab._change(lambda: api.respond(*run, task_id, ["Approve"], {"comment": ""}))
        except AirflowApiError as error:
            return error.status
        return 200


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    passwords = tmp_path_factory.mktemp("users") / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(USERS, PASSWORD)))
    settings = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "MIGRATION_OPS_FOUR_EYES": "1",
    }
    stack = LocalStack(
        home_of("scenarios-users"),
        speed=profiles.SCENARIO_SPEED,
        seed="empty",
        settings=profiles.SCENARIOS | settings,
        parallelism=6,
        say=lambda line: print(f"[users] {line}", file=sys.stderr, flush=True),
    )
    with stack:
        api = AirflowApi(stack.ui_url, "mallory", PASSWORD)
        wait_until(
            lambda: "parsed" if {WAVE, ROLLBACK} <= api.dag_ids() else None, 180, lambda: str(api.import_errors())
        )
        sandbox = SandboxClient(stack.endpoints["SANDBOX_CONTROL_URL"])
        yield Office(Lab(ScenarioAirflow(stack, api, sandbox)), stack)


def forged(office: Office) -> SimpleNamespace:
    run, apps = office.wave("forged")
    lab = office.lab
    lab.api.wait_for_question(*run, "approve_cutover", timeout_seconds=600)
    answers = {user: office.refused(run, "approve_cutover", user) for user in ("mallory", "carol", "admin")}
    office.forge(run, "approve_cutover", "go_no_go")
    state = lab.task(run, "cutover.cutover", 0)
    log, jobs = lab.log(run, "cutover.cutover", 0), lab.jobs(apps, "START_CUTOVER")
    lab.end(run)
    report = lab.api.xcom(*run, "report")
    # What the error says a person can do.
    office.as_user("alice").clear(run, "go_no_go")
    office.as_user("alice").answer(run, "approve_cutover", "Approve", comment="seen")
    return SimpleNamespace(
        answers=answers,
        state=state,
        log=log,
        jobs=jobs,
        report=report,
        end=lab.end(run),
        apps=apps,
        run=run,
        again=lab.api.xcom(*run, "report"),
    )


def changed(office: Office) -> SimpleNamespace:
    """alice approves the true plan; it is changed, with a hash that fits, while the window is waited for."""
    opens = datetime.now(UTC) + timedelta(minutes=3)
    window = {"opens": opens.isoformat(), "closes": (opens + timedelta(hours=2)).isoformat()}
    run, apps = office.wave("changed", cutoverWindow=window)
    office.as_user("alice").answer(run, "approve_cutover", "Approve")
    api = office.api("mallory")
    plan = api.xcom(*run, "plan", key="plan")
    plan["conf"]["finalSync"]["maxLagSeconds"] = 86_400
    plan["conf"]["cutoverWindow"] = {"opens": None, "closes": None, "changeCalendars": []}
    settings = {key: value for key, value in plan["conf"].items() if key not in ("applications", "dryRun")}
    plan["planHash"] = canonical_digest({"applications": plan["applications"], "conf": settings})
    path = f"/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/plan/xcomEntries/plan"
    office.lab._change(lambda: api.call("PATCH", path, {"value": plan}))
    state = office.lab.task(run, "cutover.wait_for_dependencies", 0)
    log = office.lab.log(run, "cutover.wait_for_dependencies", 0)
    return SimpleNamespace(state=state, log=log, end=office.lab.end(run), jobs=office.lab.jobs(apps, "START_CUTOVER"))


def reused(office: Office) -> SimpleNamespace:
    """A wave as it should be; then its rollback, and the same wave again, with answers that nobody gave."""
    lab, alice = office.lab, office.as_user("alice")
    run, apps = office.wave("reused")
    alice.answer(run, "approve_cutover", "Approve")
    first_end, approval = lab.end(run), lab.api.xcom(*run, "approve_cutover")
    back = lab.rollback("a test", wave="reused", dryRun=False)
    lab.api.wait_for_question(*back, "approve_rollback", timeout_seconds=600)
    answer = office.refused(back, "approve_rollback", "mallory")
    office.forge(back, "approve_rollback", "sheet")
    forged_end = lab.end(back)
    log, instances = lab.log(back, "undo.rollback", 0), lab.instances(apps)
    alice.clear(back, "sheet")
    alice.answer(back, "approve_rollback", "Approve")
    back_end, phases = lab.end(back), lab.phases("reused")
    again = lab.wave("reused", apps, **APPROVED)
    lab.api.wait_for_question(*again, "approve_cutover", timeout_seconds=600)
    office.forge(again, "approve_cutover", "go_no_go", **approval)
    lab.task(again, "cutover.cutover", 0)
    return SimpleNamespace(
        first_end=first_end,
        answer=answer,
        forged_end=forged_end,
        log=log,
        instances=instances,
        back_end=back_end,
        phases=phases,
        again_log=lab.log(again, "cutover.cutover", 0),
        again_end=lab.end(again),
        jobs=lab.jobs(apps, "START_CUTOVER"),
    )


def own(office: Office) -> SimpleNamespace:
    """Under four eyes; the conf names nobody, so Airflow lets everybody answer."""
    lab, alice = office.lab, office.as_user("alice")
    run, apps = office.wave("own", approvals={"timeoutMinutes": 60})
    question = lab.answer(run, "approve_cutover", "Approve")
    # To its end: a scheduler that is still handing the failure down would mark what is cleared meanwhile.
    lab.end(run)
    log, jobs = lab.log(run, "approve_cutover"), lab.jobs(apps, "START_CUTOVER")
    alice.clear(run, "approve_cutover")
    alice.answer(run, "approve_cutover", "Approve")
    end = lab.end(run)
    alone, _ = office.wave("alone", approvals={"approvers": ["mallory"]})
    return SimpleNamespace(
        body=question["body"],
        log=log,
        jobs=jobs,
        end=end,
        report=lab.api.xcom(*run, "report"),
        records=lab.records("own"),
        alone_end=lab.end(alone),
        alone_note=lab.note(alone),
    )


PLAYS: tuple[Callable[[Office], SimpleNamespace], ...] = (forged, changed, reused, own)


@pytest.fixture(scope="module")
def played(office: Office) -> Iterator[dict[str, Future[SimpleNamespace]]]:
    """All of them side by side."""
    with ThreadPoolExecutor(max_workers=len(PLAYS)) as pool:
        yield {one.__name__: pool.submit(one, office) for one in PLAYS}


def test_a_forged_result_and_a_forged_state_launch_nothing(played: dict[str, Future[SimpleNamespace]]) -> None:
    seen = played["forged"].result()
    assert seen.answers == {"mallory": 403, "carol": 403, "admin": 403}
    assert (seen.state, set(seen.jobs.values())) == ("failed", {0})
    assert "APPROVAL_VOID" in seen.log
    assert "the ledger holds no answer" in seen.log
    assert "clear the evidence sheet" in seen.log
    assert seen.report["approvals"]["cutover"] is None
    assert "by alice" not in seen.report["markdown"]


def test_what_the_error_says_leads_on(played: dict[str, Future[SimpleNamespace]], office: Office) -> None:
    seen = played["forged"].result()
    assert seen.end == "success", office.lab.airflow.explain(seen.run)
    assert set(office.lab.jobs(seen.apps, "START_CUTOVER").values()) == {1}
    approval = seen.again["approvals"]["cutover"]
    assert (approval["by"], approval["comment"], approval["applications"]) == ("alice", "seen", ["forged"])
    assert seen.again["requestedBy"] == "mallory"


def test_a_plan_that_was_changed_after_the_approval_launches_nothing(
    played: dict[str, Future[SimpleNamespace]],
) -> None:
    seen = played["changed"].result()
    assert (seen.state, seen.end, set(seen.jobs.values())) == ("failed", "failed", {0})
    assert "PLAN_MISMATCH" in seen.log
    assert "clear `plan` with downstream" in seen.log


def test_a_rollback_that_nobody_approved_touches_nothing(played: dict[str, Future[SimpleNamespace]]) -> None:
    seen = played["reused"].result()
    assert (seen.first_end, seen.answer, seen.forged_end) == ("success", 403, "failed")
    assert "APPROVAL_VOID" in seen.log
    assert set(map(len, seen.instances.values())) == {1}
    assert (seen.back_end, seen.phases) == ("success", {"reused": {"ROLLED_BACK"}})


def test_an_approval_of_another_run_launches_nothing(played: dict[str, Future[SimpleNamespace]]) -> None:
    seen = played["reused"].result()
    assert (seen.again_end, set(seen.jobs.values())) == ("failed", {1})
    assert "APPROVAL_VOID" in seen.again_log


def test_who_triggered_does_not_approve_under_four_eyes(played: dict[str, Future[SimpleNamespace]]) -> None:
    seen = played["own"].result()
    assert "Requested by `mallory`" in seen.body
    assert "whoever triggered the run may not approve it" in seen.log
    assert (set(seen.jobs.values()), seen.end) == ({0}, "success")
    [record] = seen.records.values()
    approval = record.facts["approvals"]["cutover"]
    assert (approval["by"], approval["requestedBy"]) == ("alice", "mallory")
    assert seen.report["approvals"]["cutover"]["by"] == "alice"
    assert seen.alone_end == "failed"
    # Notes are Markdown: underscores are escaped.
    assert "MIGRATION_OPS_FOUR_EYES" in seen.alone_note.replace("\\", "")
