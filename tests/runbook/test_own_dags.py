"""A runbook DAG that does not run is seen, and one that only is not due yet is not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.api_fastapi.core_api.datamodels.dag_run import DAGRunResponse
from airflow.api_fastapi.core_api.datamodels.dags import DAGCollectionResponse, DAGResponse
from croniter import croniter

from include.sandbox.estates.own_airflow import OwnAirflow
from migration_ops.aws.errors import UnreachableError
from migration_ops.aws.inventory.airflow_dags import read
from migration_ops.core.config import RunbookConfig
from migration_ops.core.facts import Snapshot, failed
from migration_ops.core.finding import Finding, FindingStatus, Route
from migration_ops.core.thresholds import MAX_DAG_AGE_HOURS, Thresholds
from migration_ops.runbook.checks.check import Check
from migration_ops.runbook.reports.notify import route_of
from tests.runbook.judged import run as judged
from tests.runbook.test_own_airflow import NOW, Asked, names_of

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus
ID, DAG = "airflow_dag_not_running", "runbook_backup"
DAGS = Path(__file__).resolve().parents[2] / "dags"


def own() -> OwnAirflow:
    return OwnAirflow(now=lambda: NOW)


def look(airflow: OwnAirflow, limits: dict[str, Any] | None = None, **instead: Any) -> dict[str, Finding]:
    asked = Asked(own=airflow, instead=instead.get("instead", {}))
    thresholds = Thresholds.model_validate({"orchestrator": limits or {}})
    reader = replace(asked.reader, config=RunbookConfig(thresholds=thresholds))
    return {one.resource: one for one in Check("health", ID).run(Snapshot({"own_dags": read(reader)}), thresholds)}


def of(airflow: OwnAirflow, dag_id: str = DAG, **more: Any) -> Finding:
    found = look(airflow, **more)
    others = {name: one.verdict for name, one in found.items() if name != dag_id}
    assert set(others.values()) == {OK}, others
    return found[dag_id]


def ran(*runs: tuple[str, float]) -> OwnAirflow:
    """With these runs of the backup only: state, and hours since the end."""
    airflow = own()
    airflow.forget_runs(DAG)
    for state, hours in runs:
        airflow.add_run(DAG, state, hours)
    return airflow


def test_shapes_are_those_of_the_installed_airflow() -> None:
    answer = own().get("/dags", {"dag_id_prefix_pattern": "runbook_", "exclude_stale": "false", "limit": 100})
    assert set(answer) == names_of(DAGCollectionResponse)
    assert names_of(DAGResponse) <= set(answer["dags"][0])
    runs = own().get(f"/dags/{DAG}/dagRuns", {"state": ["success"], "order_by": "-end_date", "limit": 1})
    assert set(runs["dag_runs"][0]) == names_of(DAGRunResponse)


def test_all_that_have_a_schedule_are_looked_at() -> None:
    scheduled = {one.stem for one in DAGS.glob("*.py") if 'from_now_on("' in one.read_text(encoding="utf-8")}
    assert scheduled == set(MAX_DAG_AGE_HOURS)
    assert set(look(own())) == scheduled
    assert {one.verdict for one in look(own()).values()} == {OK}


@pytest.mark.parametrize("dag_id", MAX_DAG_AGE_HOURS)
def test_the_longest_time_is_longer_than_the_schedule_and_shorter_than_two_missed_runs(dag_id: str) -> None:
    [cron] = re.findall(r"from_now_on\(\"(.+?)\"\)", (DAGS / f"{dag_id}.py").read_text(encoding="utf-8"))
    times = croniter(cron, datetime(2026, 1, 1, tzinfo=UTC))
    due = [times.get_next(datetime) for _ in range(14)]
    periods = [(later - earlier) / timedelta(hours=1) for earlier, later in pairwise(due)]
    hours = MAX_DAG_AGE_HOURS[dag_id]
    assert hours is not None
    assert 1.25 * max(periods) <= hours <= 3 * min(periods)


class TestSeen:
    @pytest.mark.parametrize("change", [{"is_paused": True}, {"has_import_errors": True}, {"is_stale": True}])
    def test_paused_broken_or_without_its_file(self, change: dict[str, Any]) -> None:
        airflow = own()
        airflow.dags[DAG] |= change
        assert of(airflow).verdict is CRITICAL
        assert route_of(of(airflow)) is Route.PAGE

    def test_missing(self) -> None:
        airflow = own()
        del airflow.dags[DAG]
        assert of(airflow).verdict is CRITICAL

    def test_none_at_all_is_every_one_missing(self) -> None:
        airflow = own()
        airflow.dags.clear()
        assert {one.verdict for one in look(airflow).values()} == {CRITICAL}

    @pytest.mark.parametrize(("hours", "verdict"), [(36, OK), (36.1, CRITICAL)])
    def test_no_success_within_its_longest_time(self, hours: float, verdict: FindingStatus) -> None:
        assert of(ran(("success", hours))).verdict is verdict

    @pytest.mark.parametrize(("hours", "verdict"), [(1, WARNING), (36.1, CRITICAL)])
    def test_one_that_ran_and_was_red_was_heard(self, hours: float, verdict: FindingStatus) -> None:
        """Else a red runbook would make every health check red, and one of those the next one."""
        assert of(ran(("success", 80), ("failed", hours))).verdict is verdict

    def test_one_that_never_was_green(self) -> None:
        assert of(ran(("failed", 80), ("failed", 40))).verdict is CRITICAL
        assert of(ran(("failed", 80), ("failed", 4))).verdict is WARNING

    def test_one_that_hangs(self) -> None:
        assert of(ran(("success", 60), ("running", 30))).verdict is CRITICAL

    @pytest.mark.parametrize(("planned", "verdict"), [(-0.9, OK), (-1.1, WARNING)])
    def test_one_that_is_late(self, planned: float, verdict: FindingStatus) -> None:
        airflow = own()
        airflow.dags[DAG]["next_dagrun_run_after"] = planned
        assert of(airflow).verdict is verdict

    def test_a_run_in_the_future_is_unknown(self) -> None:
        assert of(ran(("success", -2))).verdict is UNKNOWN


class TestFresh:
    def test_before_its_first_run_it_is_not_due(self) -> None:
        assert of(ran()).verdict is OK
        assert "not due yet" in of(ran()).reason

    def test_first_runs_that_failed_are_within_the_longest_time(self) -> None:
        assert of(ran(("failed", 20), ("failed", 2))).verdict is OK

    @pytest.mark.parametrize("planned", [-2, None])
    def test_but_one_whose_first_run_does_not_come_is_seen(self, planned: float | None) -> None:
        airflow = ran()
        airflow.dags[DAG]["next_dagrun_run_after"] = planned
        assert of(airflow).verdict is CRITICAL


class TestLimits:
    def test_one_that_need_not_run_here(self) -> None:
        airflow = own()
        airflow.dags[DAG]["is_paused"] = True
        assert DAG not in look(airflow, {"maxDagAgeHours": {DAG: None}})

    def test_those_that_are_not_named_keep_their_limit(self) -> None:
        assert len(look(own(), {"maxDagAgeHours": {DAG: None}})) == len(MAX_DAG_AGE_HOURS) - 1
        assert of(ran(("success", 39)), limits={"maxDagAgeHours": {DAG: 40}}).verdict is OK

    @pytest.mark.parametrize("given", [{"runbook_bakup": 3}, {DAG: 0}, {DAG: "long"}])
    def test_a_wrong_table_is_refused(self, given: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="maxDagAgeHours"):
            Thresholds.model_validate({"orchestrator": {"maxDagAgeHours": given}})


RUNS = f"/dags/{DAG}/dagRuns"


@pytest.mark.parametrize(
    "answer",
    [
        UnreachableError("Airflow answered 403"),
        ["no", "document"],
        {"detail": "?"},
        {"dag_runs": [], "total_entries": 3},
        {"dag_runs": [{"end_date": None, "run_after": None}], "total_entries": 1},
        {"dag_runs": [{"end_date": "soon", "run_after": "soon"}], "total_entries": 1},
    ],
)
def test_runs_that_cannot_be_read_are_unknown_of_that_dag_only(answer: Any) -> None:
    assert of(own(), instead={RUNS: answer}).verdict is UNKNOWN


@pytest.mark.parametrize(
    "answer",
    [
        UnreachableError("Airflow answered 403"),
        ["no", "document"],
        {"detail": "?"},
        {"dags": [], "total_entries": None},
        {"dags": [], "total_entries": 2},
        {"dags": [{"dag_id": DAG}], "total_entries": 1},
    ],
)
def test_a_list_that_cannot_be_read_is_unknown_and_none_is_missing(answer: Any) -> None:
    assert {name: one.verdict for name, one in look(own(), instead={"/dags": answer}).items()} == {"*": UNKNOWN}


class TestBackupAge:
    ID = "backup_newest_verified_age"

    @pytest.mark.parametrize(
        ("table", "verdict"),
        [
            ({"ageHours": 26.0, "base": "b"}, OK),
            ({"ageHours": 26.1, "base": "b"}, CRITICAL),
            ({"ageHours": -2.0, "base": "b"}, UNKNOWN),
            ({"ageHours": None, "tableAgeHours": 26.0}, OK),
            ({"ageHours": None, "tableAgeHours": 26.1}, CRITICAL),
            ({"ageHours": None, "tableAgeHours": 99.0, "emptyAgeHours": 26.0}, OK),
            ({"ageHours": None, "tableAgeHours": 99.0, "emptyAgeHours": 26.1}, CRITICAL),
            ({"ageHours": None, "tableAgeHours": 99.0, "emptyAgeHours": -1.1}, CRITICAL),
            ({"ageHours": None, "emptyAgeHours": 1.0}, UNKNOWN),
            ({"ageHours": None}, UNKNOWN),
        ],
    )
    def test_how_old_it_is(self, table: dict[str, Any], verdict: FindingStatus) -> None:
        document = {"backups": {"tables": [{"name": "migration-state", **table}]}}
        assert [one.verdict for one in judged("health", self.ID, document)] == [verdict]

    def test_what_cannot_be_read_is_unknown(self) -> None:
        document = {"backups": {"tables": failed("s3", UnreachableError("refused"))}}
        assert [one.verdict for one in judged("health", self.ID, document)] == [UNKNOWN]
