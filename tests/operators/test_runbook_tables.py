"""The tables of a review: made from what was read, between the reads and the report, and part of the run's colour."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from include.local import airflow_env, resources
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean import costs
from include.sandbox.sandbox import Sandbox
from migration_ops.operators.runbook.chapter import READ, ReadOperator
from migration_ops.operators.runbook.sources import TablesOf
from migration_ops.operators.runbook.tables import TABLES, TablesOperator
from migration_ops.runbook.checks.chapters import CHAPTERS, COST
from tests.dags.dag_files import dag

REVIEWS = ("runbook_performance_review", "runbook_cost_review", "runbook_capacity_plan")


class Task(SimpleNamespace):
    """What the operators ask of a task instance; the values are those of the run."""

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[self.task_id, self.map_index, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))


def context(values: dict[Any, Any], task_id: str, map_index: int = -1) -> Any:
    ti = Task(values=values, task_id=task_id, map_index=map_index, dag_id="runbook_cost_review", run_id="run-1")
    params = {"windowHours": 720, "notify": False, "awsConnId": "aws_default", "region": None}
    return {"ti": ti, "params": params, "dag_run": SimpleNamespace(conf={})}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        # Another sandbox of this process may have left something in moto, which all share.
        sandbox.reset()
        before = dict(os.environ)
        made = resources.make(sandbox.environment)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made})
        costs.seed(Account(make=sandbox.boto, control=sandbox.client, settings=made))
        yield sandbox
        os.environ.clear()
        os.environ.update(before)
        sandbox.reset()


def tables(values: dict[Any, Any]) -> list[dict[str, Any]]:
    operator = TablesOperator(task_id=TABLES, chapter=CHAPTERS[COST].name, readers=list(CHAPTERS[COST].readers))
    operator.execute(context(values, TABLES))
    found: list[dict[str, Any]] = values[TABLES, -1, "tables"]
    return found


def read(values: dict[Any, Any], reader: str) -> None:
    number = CHAPTERS[COST].readers.index(reader)
    operator = ReadOperator(task_id=READ, reader=reader)
    values[READ, number, "return_value"] = operator.execute(context(values, READ, number))


def test_tables_are_made_from_what_was_read(box: Sandbox) -> None:
    values: dict[Any, Any] = {}
    read(values, "cost_explorer")
    made = tables(values)
    assert [one["title"] for one in made] == ["Cost by service", "Cost by tag", "Cost by usage type of transfer"]
    assert made[0]["rows"][0][0] == "Amazon Elastic Compute Cloud - Compute"


def test_what_was_not_read_is_said_in_the_table(box: Sandbox) -> None:
    fault = box.faults.add_document({"kind": "accessDenied", "service": "ce", "operation": "GetCostAndUsage"})
    values: dict[Any, Any] = {}
    read(values, "cost_explorer")
    box.faults.remove(fault.fault_id)
    assert {one["head"][0] for one in tables(values)} == {"Could not be read"}
    assert {one["head"][0] for one in tables({})} == {"Could not be read"}, "a read that was lost"


@pytest.mark.parametrize("dag_id", REVIEWS)
def test_the_report_waits_for_the_tables_and_the_run_is_not_green_without_them(dag_id: str) -> None:
    task = dag(dag_id).get_task(TABLES)
    assert task.upstream_task_ids == {"read"}
    assert task.downstream_task_ids == {"report", "run_outcome"}
    assert TablesOf(TABLES) in dag(dag_id).get_task("report").sources
