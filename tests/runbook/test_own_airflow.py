"""The Airflow that stands in here answers as the real one's REST API, and its reader reads all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunCollectionResponse, DAGRunResponse
from airflow.api_fastapi.core_api.datamodels.hitl import HITLDetail, HITLDetailCollection
from airflow.api_fastapi.core_api.datamodels.monitor import HealthInfoResponse
from airflow.api_fastapi.core_api.datamodels.task_instances import TaskInstanceResponse

from include.sandbox.estates.own_airflow import OwnAirflow
from migration_ops.aws.errors import Unreachable
from migration_ops.aws.reader import Reader
from migration_ops.core.config import RunbookConfig
from migration_ops.core.facts import NOT_READ, Facts, is_failed
from migration_ops.core.finding import FindingVerdict
from migration_ops.core.settings import Settings
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.readers.airflow import read

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRITICAL, UNKNOWN, WARNING, OK = FindingVerdict


@dataclass
class Asked:
    """Notes what is asked, and may answer otherwise."""

    own: OwnAirflow = field(default_factory=lambda: OwnAirflow(now=lambda: NOW))
    instead: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def get(self, path: str, query: Mapping[str, Any]) -> Any:
        self.asked.append((path, dict(query)))
        answer = self.instead.get(path)
        if isinstance(answer, Exception):
            raise answer
        return answer if answer is not None else self.own.get(path, query)

    @property
    def reader(self) -> Reader:
        return Reader(
            client=lambda service: pytest.fail(f"{service} was asked"),
            config=RunbookConfig(),
            settings=Settings(),
            now=NOW,
            window=timedelta(hours=2),
            airflow=self.get,
        )


def names_of(model: Any) -> set[str]:
    """Members as the server writes them: by their alias where they have one."""
    return {one.serialization_alias or name for name, one in model.model_fields.items()}


@pytest.fixture
def own() -> OwnAirflow:
    airflow = OwnAirflow(now=lambda: NOW)
    airflow.add_failed_run("migration_wave", "manual__1")
    airflow.add_question("migration_wave", "manual__1", "approve_cutover", 30)
    return airflow


def test_shapes_are_those_of_the_installed_airflow(own: OwnAirflow) -> None:
    runs = own.get(
        "/dags/~/dagRuns",
        {"state": "failed", "end_date_gte": "2026-03-01T00:00:00+00:00", "dag_id_prefix_pattern": "m", "limit": 1},
    )
    questions = own.get("/dags/~/dagRuns/~/hitlDetails", {"response_received": "false", "limit": 1})
    assert set(runs) <= names_of(DAGRunCollectionResponse)
    assert set(runs["dag_runs"][0]) == names_of(DAGRunResponse)
    assert set(questions) == names_of(HITLDetailCollection)
    assert set(questions["hitl_details"][0]) == names_of(HITLDetail)
    assert set(questions["hitl_details"][0]["task_instance"]) == names_of(TaskInstanceResponse)
    assert HealthInfoResponse.model_validate(own.get("/monitor/health", {})).scheduler.status == "healthy"
    assert set(own.get("/monitor/health", {})) == names_of(HealthInfoResponse)


def findings(check_id: str, airflow: Asked) -> dict[str, FindingVerdict]:
    found = Check("health", check_id).run(Facts({"airflow": read(airflow.reader)}), Thresholds())
    return {one.resource: one.verdict for one in found}


class TestFailedRuns:
    ID = "airflow_dag_failed_runs"

    def test_none_is_well(self) -> None:
        assert findings(self.ID, Asked()) == {"*": OK}

    def test_each_failed_migration_is_one_finding(self) -> None:
        airflow = Asked()
        airflow.own.add_failed_run("migration_wave", "manual__1")
        airflow.own.add_failed_run("migration_rollback", "manual__2")
        assert findings(self.ID, airflow) == {
            "migration_wave manual__1": CRITICAL,
            "migration_rollback manual__2": CRITICAL,
        }

    def test_a_red_runbook_is_a_warning_only(self) -> None:
        """Else a red health check would make the next one red, for ever."""
        airflow = Asked()
        for number in range(3):
            airflow.own.add_failed_run("runbook_health_check", f"scheduled__{number}")
        assert findings(self.ID, airflow) == {"*": OK, "runbook_health_check": WARNING}

    def test_dags_of_others_are_not_ours(self) -> None:
        airflow = Asked()
        # The server's own prefix search would let the second one pass.
        for dag_id in ("billing_nightly", "migrationless"):
            airflow.own.add_failed_run(dag_id, "manual__1")
        assert findings(self.ID, airflow) == {"*": OK}

    def test_a_run_counts_by_its_end(self) -> None:
        """A wave that began yesterday and failed now is news; one that failed yesterday is not."""
        airflow = Asked()
        airflow.own.add_failed_run("migration_wave", "long", ended_minutes_ago=5)
        airflow.own.runs[-1]["run_after"] = "2026-02-20T00:00:00Z"
        airflow.own.add_failed_run("migration_wave", "old", ended_minutes_ago=121)
        assert findings(self.ID, airflow) == {"migration_wave long": CRITICAL}

    def test_all_pages_are_read(self) -> None:
        airflow = Asked()
        for number in range(250):
            airflow.own.add_failed_run("migration_wave", f"run-{number:03d}")
        assert len(findings(self.ID, airflow)) == 250
        assert [query["offset"] for path, query in airflow.asked if path.endswith("dagRuns")] == [0, 100, 200]

    def test_up_to_the_limit_is_well(self) -> None:
        airflow = Asked()
        airflow.own.add_failed_run("migration_wave", "run-1")
        limits = Thresholds.model_validate({"orchestrator": {"maxFailedRuns": 1}})
        found = Check("health", self.ID).run(Facts({"airflow": read(airflow.reader)}), limits)
        assert [(one.verdict, one.value, one.limit) for one in found] == [(OK, 1, 1)]


class TestApprovals:
    ID = "airflow_approval_waiting"

    @pytest.mark.parametrize(("minutes", "verdict"), [(480, OK), (481, WARNING)])
    def test_how_long_it_waits(self, minutes: float, verdict: FindingVerdict) -> None:
        airflow = Asked()
        airflow.own.add_question("migration_wave", "manual__1", "approve_cutover", minutes)
        assert findings(self.ID, airflow) == {"migration_wave manual__1 approve_cutover": verdict}

    def test_nobody_is_waited_for_by_a_task_that_ended(self) -> None:
        airflow = Asked()
        airflow.own.add_question("migration_wave", "manual__1", "approve_cutover", 900, state="failed")
        airflow.own.add_question("payroll", "manual__1", "approve", 900)
        assert findings(self.ID, airflow) == {"*": OK}

    def test_questions_of_one_task_are_told_apart(self) -> None:
        airflow = Asked()
        for index in (0, 1):
            airflow.own.add_question("migration_wave", "manual__1", "decide", 10)
            airflow.own.questions[-1]["task_instance"]["map_index"] = index
        assert set(findings(self.ID, airflow)) == {f"migration_wave manual__1 decide[{index}]" for index in (0, 1)}

    def test_one_without_a_time_is_unknown(self) -> None:
        airflow = Asked()
        airflow.own.add_question("migration_wave", "manual__1", "approve_cutover", 1)
        airflow.own.questions[-1]["created_at"] = "yesterday"
        assert findings(self.ID, airflow) == {"migration_wave manual__1 approve_cutover": UNKNOWN}


class TestHeartbeats:
    ID = "airflow_component_heartbeat"

    def test_all_are_alive(self) -> None:
        assert set(findings(self.ID, Asked()).values()) == {OK}
        assert set(findings(self.ID, Asked())) == {"metadatabase", "scheduler", "triggerer", "dag_processor"}

    @pytest.mark.parametrize(
        ("late_seconds", "verdict"), [(29, OK), (60, WARNING), (121, CRITICAL), (-119, OK), (-121, UNKNOWN)]
    )
    def test_age_of_the_last_heartbeat(self, late_seconds: float, verdict: FindingVerdict) -> None:
        airflow = Asked()
        airflow.own.late_seconds["triggerer"] = late_seconds
        assert findings(self.ID, airflow)["triggerer"] is verdict

    @pytest.mark.parametrize(
        ("said", "verdict"),
        [
            ({"status": None, "latest_triggerer_heartbeat": None}, CRITICAL),
            ({"status": "unhealthy", "latest_triggerer_heartbeat": None}, CRITICAL),
            ({"status": "healthy", "latest_triggerer_heartbeat": None}, UNKNOWN),
            ({"status": "healthy", "latest_triggerer_heartbeat": "now"}, UNKNOWN),
            (None, UNKNOWN),
        ],
        ids=["it never ran", "nor that", "no heartbeat", "no time", "not answered"],
    )
    def test_what_airflow_does_not_say(self, said: Any, verdict: FindingVerdict) -> None:
        airflow = Asked()
        airflow.instead["/monitor/health"] = airflow.own.get("/monitor/health", {}) | {"triggerer": said}
        assert findings(self.ID, airflow)["triggerer"] is verdict

    def test_a_database_that_is_ill_is_critical(self) -> None:
        airflow = Asked()
        airflow.instead["/monitor/health"] = airflow.own.get("/monitor/health", {}) | {
            "metadatabase": {"status": "unhealthy"}
        }
        assert findings(self.ID, airflow)["metadatabase"] is CRITICAL


PATHS = {
    "/dags/~/dagRuns": "airflow_dag_failed_runs",
    "/dags/~/dagRuns/~/hitlDetails": "airflow_approval_waiting",
    "/monitor/health": "airflow_component_heartbeat",
}
ANSWERS: dict[str, Any] = {
    "refused": Unreachable("Airflow answered 403"),
    "no document": ["not", "a", "document"],
    "an empty document": {"detail": "?"},
    "a list without its length": {"dag_runs": [], "hitl_details": [], "total_entries": None},
    "fewer than it says": {"dag_runs": [], "hitl_details": [], "total_entries": 2},
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_not_answered_is_unknown_and_nothing_else_is(path: str, answer: str) -> None:
    airflow = Asked(instead={path: ANSWERS[answer]})
    for other, check_id in PATHS.items():
        verdicts = set(findings(check_id, airflow).values())
        assert verdicts == ({UNKNOWN} if other == path else {OK}), check_id


def test_without_a_way_to_airflow_everything_is_unread() -> None:
    answer = read(replace(Asked().reader, airflow=None))
    assert all(is_failed(one) for one in answer.values())
    assert "not within reach" in answer["runs"][NOT_READ]["message"]
