"""What a run of the health check asks AWS, by the sandbox's own count: every list once, whatever the tasks share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.local import airflow_env, resources
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.lambda_ import make_function
from include.sandbox.estates.clean.sqs import queue_with_dead_letters
from include.sandbox.estates.clean.stepfunctions import make_state_machine
from include.sandbox.estates.own_airflow import OwnAirflow
from include.sandbox.sandbox import Sandbox
from migration_ops.operators.runbook import chapter, services
from migration_ops.operators.runbook.notify import NotifyOperator
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.sources import ChapterChecks
from migration_ops.runbook.checks.chapters import CHAPTERS, HEALTH

FUNCTIONS, PAIRS, MACHINES = 3, 2, 2
READERS = chapter.in_tasks(CHAPTERS[HEALTH].readers)
# Asked for each thing that another list named: the API has no list of all.
OF_ONE = {
    ("events", "ListRules"),
    ("events", "ListTargetsByRule"),
    ("lambda", "ListFunctionEventInvokeConfigs"),
    ("lambda", "ListVersionsByFunction"),
    ("sqs", "ListDeadLetterSourceQueues"),
    ("states", "ListExecutions"),
}
RULES, STATES = 5, 4
# Our bus; the default one for all its rules (who sends to a queue), and by their prefix for ours alone.
RULE_LISTS = 3
# Not the package's own bookkeeping: its ledger, its window and reports.
BOOKS = {("dynamodb", "Query"), ("s3", "GetObject"), ("s3", "PutObject"), ("s3", "ListObjectsV2")}


class Task(SimpleNamespace):
    """What the operators ask of a task instance; the values are those of the run."""

    run_id, dag_id, try_number, max_tries = "run-1", "runbook_health_check", 1, 6

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[self.task_id, self.map_index, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        sandbox.reset()
        before = dict(os.environ)
        made = resources.make(sandbox.environment)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made})
        account = Account(make=sandbox.boto, control=sandbox.client, settings=made)
        for number in range(FUNCTIONS):
            make_function(account, f"migration-function-{number}")
        for number in range(PAIRS):
            queue_with_dead_letters(account, f"migration-queue-{number}")
        for number in range(MACHINES):
            make_state_machine(account, f"migration-workflow-{number}")
        yield sandbox
        os.environ.clear()
        os.environ.update(before)
        sandbox.reset()


def run_task(operator: Any, values: dict[Any, Any], map_index: int = -1) -> None:
    ti = Task(values=values, task_id=operator.task_id, map_index=map_index)
    params = {"windowHours": 2, "notify": True, "awsConnId": "aws_default", "region": None}
    due = SimpleNamespace(conf={}, start_date=None, run_after=datetime.now(UTC))
    try:
        answer = operator.execute({"ti": ti, "params": params, "dag_run": due})
    except AirflowFailException:
        return
    values[operator.task_id, map_index, "return_value"] = answer


@pytest.fixture(scope="module")
def calls(box: Sandbox) -> dict[str, Counter[tuple[str, str]]]:
    """Of a whole run, by task."""
    values: dict[Any, Any] = {}
    found: dict[str, Counter[tuple[str, str]]] = {}
    title = "Health check"
    checks = list(CHAPTERS[HEALTH].check_ids)
    tasks = [
        *((chapter.ReadOperator(task_id="read", reader=one), number) for number, one in enumerate(READERS)),
        *(
            (chapter.CheckOperator(task_id="check", chapter=CHAPTERS[HEALTH].name, check=one, readers=READERS), number)
            for number, one in enumerate(checks)
        ),
        (RunbookReportOperator(task_id="report", title=title, sources=[ChapterChecks.of(CHAPTERS[HEALTH])]), -1),
        (NotifyOperator(task_id="notify", title=title), -1),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services, "AirflowRest", lambda conn_id: OwnAirflow())
        for operator, map_index in tasks:
            before = counted(box)
            run_task(operator, values, map_index)
            found.setdefault(operator.task_id, Counter()).update(counted(box) - before)
    assert len([one for one in values if one[0] == "check"]) >= len(checks)
    return found


def counted(box: Sandbox) -> Counter[tuple[str, str]]:
    return Counter({(one["service"], one["operation"]): one["count"] for one in box.client.calls()})


Calls = dict[str, Counter[tuple[str, str]]]


def test_every_list_is_read_once_in_a_run(calls: Calls) -> None:
    whole: Counter[tuple[str, str]] = sum(calls.values(), Counter())
    lists = {one: number for one, number in whole.items() if one[1].startswith("List") and one not in OF_ONE}
    assert {("lambda", "ListFunctions"), ("events", "ListEventBuses")} <= set(lists)
    assert {one: number for one, number in lists.items() if number != 1} == {}


def test_the_parts_of_a_thing_are_listed_once_each(calls: Calls) -> None:
    read = calls["read"]
    assert read["events", "ListRules"] == RULE_LISTS
    assert read["events", "ListTargetsByRule"] == RULES
    assert read["lambda", "ListFunctionEventInvokeConfigs"] == FUNCTIONS
    assert read["lambda", "ListVersionsByFunction"] == FUNCTIONS
    assert read["states", "ListExecutions"] == MACHINES * STATES


def test_judging_asks_nothing_and_telling_asks_once_who_we_are(calls: Calls) -> None:
    assert calls["check"] == Counter()
    assert {one for one in calls["report"] if one not in BOOKS} == set()
    assert {one: number for one, number in calls["notify"].items() if one not in BOOKS} == {
        ("monitoring", "PutMetricData"): 1,
        ("sns", "Publish"): 1,
        ("sts", "GetCallerIdentity"): 1,
    }


def test_a_reading_that_breaks_off_leaves_the_others(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(name: str, reader: Any) -> dict[str, Any]:
        if name == "events":
            raise TypeError("a shape that nobody expected")
        return {"queues": []}

    monkeypatch.setattr(chapter, "read_with", read)
    values: dict[Any, Any] = {}
    with pytest.raises(TypeError):
        run_task(chapter.ReadOperator(task_id="read", reader=["sqs", "events"]), values, 0)
    left = values["read", 0, "return_value"]
    assert left["sqs"] == {"document": {"queues": []}}
    assert "broke off: TypeError" in left["events"]["document"]["notRead"]["message"]
