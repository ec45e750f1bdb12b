"""The tasks of ``runbook_log_insights`` against the sandbox: chosen, started, waited for, red when nobody knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.local import airflow_env
from include.sandbox.estates.account import Account
from include.sandbox.insights import service
from include.sandbox.sandbox import Sandbox
from migration_ops.core.errors import InvalidInputError, MigrationError, ThrottledError
from migration_ops.core.settings import read_settings
from migration_ops.core.states import Phase
from migration_ops.integrations.telemetry.telemetry import Telemetry
from migration_ops.ledger.protocol import Record
from migration_ops.operators.runbook.insights import (
    ChooseQueriesOperator,
    QueryResultsSensor,
    StartQueryOperator,
    window_of,
)
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.sources import MappedTask
from migration_ops.runbook.insights import QUERIES
from migration_ops.runbook.insights.kinds import INSIGHTS, kind_of
from tests.runbook.estates import account_of

Values = dict[tuple[str, int, str], Any]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


class Task(SimpleNamespace):
    """What the operators ask of a task instance."""

    task_id: str
    map_index: int
    values: Values
    dag_id = "runbook_log_insights"
    run_id = "run-1"

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[self.task_id, self.map_index, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))


@pytest.fixture(scope="module")
def logged(box: Sandbox) -> Iterator[Account]:
    """An account whose log group has one line, of a migration that failed."""
    box.reset()
    account = account_of(box)
    record = Record("mig-web01", "w", "a", "s-1", Phase.FAILED, correlation_id="c", error_code="LAUNCH_FAILED")
    settings = replace(read_settings(dict(account.settings)), event_bus="")
    with Telemetry(box.boto, settings, log_stream="w/test") as telemetry:
        telemetry.transition(record, "failed")
    yield account
    box.reset()


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch, box: Sandbox, logged: Account) -> Iterator[None]:
    for name, value in {**airflow_env.connections(box.environment), **logged.settings}.items():
        monkeypatch.setenv(name, value)
    yield
    box.faults.remove()


def params(**given: Any) -> dict[str, Any]:
    form = {"windowHours": 24, "notify": False, "awsConnId": "aws_default", "region": None}
    return form | {"query": "all", "until": None, "migrationId": None, "binMinutes": 5} | given


def context(values: Values, task_id: str, index: int = -1, **given: Any) -> Any:
    return {"ti": Task(task_id=task_id, map_index=index, values=values), "params": params(**given)}


def run(values: Values, **given: Any) -> dict[str, Any]:
    """All tasks before the report, as the DAG chains them; the answers or errors by query."""
    names = ChooseQueriesOperator(task_id="choose").execute(context(values, "choose", **given))
    values["choose", -1, "return_value"] = names
    answers: dict[str, Any] = {}
    for index, name in enumerate(names):
        try:
            answers[name] = _look(values, index, name, given)
        except (AirflowFailException, MigrationError) as error:
            answers[name] = error
    return answers


def _look(values: Values, index: int, name: str, given: dict[str, Any]) -> Any:
    started = StartQueryOperator(task_id="start", query=name).execute(context(values, "look.start", index, **given))
    values["look.start", index, "return_value"] = started
    sensor = QueryResultsSensor(task_id="results", query=name, start="look.start")
    first = sensor.poke(context(values, "look.results", index, **given))
    assert not first.is_done
    return sensor.poke(context(values, "look.results", index, **given)).xcom_value


def report(values: Values) -> dict[str, Any]:
    source = MappedTask("look.results", kind_of=kind_of, whole=INSIGHTS, names_from="choose", begun="look.start")
    operator = RunbookReportOperator(task_id="report", title="Log insights", sources=[source])
    answer: dict[str, Any] = operator.execute(context(values, "report"))
    return answer


def test_daily_all_that_need_no_parameter_are_asked(connected: None) -> None:
    values: Values = {}
    answers = run(values)
    assert set(answers) == set(QUERIES) - {"track_migration"}
    assert answers["failed_migrations"] == {"rows": 1}
    written = report(values)
    assert (written["verdict"], written["counts"]["OK"]) == ("OK", 3)
    assert "LAUNCH\\_FAILED" in written["markdown"]


def test_one_migration_is_followed_by_hand(connected: None) -> None:
    values: Values = {}
    answers = run(values, query="track_migration", migrationId="mig-web01")
    assert answers == {"track_migration": {"rows": 1}}
    assert "mig\\-web01" in report(values)["markdown"]


@pytest.mark.parametrize("end", service.ENDS)
def test_a_query_that_did_not_end_well_is_red_and_unknown(connected: None, end: str) -> None:
    service.end_next_query(end)
    values: Values = {}
    answers = run(values, query="failed_migrations")
    assert isinstance(answers["failed_migrations"], AirflowFailException)
    written = report(values)
    assert (written["verdict"], written["counts"]["UNKNOWN"]) == ("UNKNOWN", 1)
    assert end in written["markdown"]


@pytest.mark.parametrize(
    ("operation", "kind", "error"),
    [
        ("DescribeLogGroups", "accessDenied", MigrationError),
        ("StartQuery", "accessDenied", MigrationError),
        ("GetQueryResults", "accessDenied", MigrationError),
        # Keeps its kind, so that the retry policy waits it out.
        ("GetQueryResults", "throttle", ThrottledError),
    ],
)
def test_a_refused_call_is_unknown_and_says_why(
    connected: None, box: Sandbox, operation: str, kind: str, error: type[Exception]
) -> None:
    box.faults.add_document({"kind": kind, "service": "logs", "operation": operation})
    values: Values = {}
    answers = run(values, query="failed_migrations")
    assert isinstance(answers["failed_migrations"], error)
    box.faults.remove()
    written = report(values)
    assert written["verdict"] == "UNKNOWN"
    assert "insights_failed_migrations" in written["markdown"]


def test_a_task_that_named_no_queries_is_unknown(connected: None) -> None:
    assert report({})["verdict"] == "UNKNOWN"


@pytest.mark.parametrize(
    "given",
    [
        {"query": "track_migration"},
        {"query": "track_migration", "migrationId": 'x" or 1 = 1'},
        {"migrationId": "not an id"},
        {"binMinutes": 0},
        {"until": "yesterday"},
    ],
)
def test_wrong_parameters_are_refused_before_anything_is_asked(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        ChooseQueriesOperator(task_id="choose").execute(context({}, "choose", **given))


def test_the_window_ends_now_or_when_it_is_said() -> None:
    assert window_of(params(windowHours=2), NOW) == (NOW - timedelta(hours=2), NOW)
    until = "2026-04-30T10:00:00+02:00"
    assert window_of(params(windowHours=1, until=until), NOW)[1] == datetime(2026, 4, 30, 8, tzinfo=UTC)


@pytest.mark.parametrize("until", ["2026-04-30", "2026-04-30T10:00:00", "2026-05-01T12:00:01Z", "x"])
def test_until_has_a_zone_and_is_past(until: str) -> None:
    with pytest.raises(InvalidInputError):
        window_of(params(until=until), NOW)
