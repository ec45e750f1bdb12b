"""The annual review's tasks over its own checklist and the sandbox: what is asked, reported, kept and told."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from include.sandbox.sandbox import Sandbox
from migration_ops.core.errors import InvalidInputError
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.sign_off import (
    ANSWER_KEY,
    CHECKLIST,
    SIGN_OFF,
    ChecklistAnswers,
    ChecklistOperator,
)
from migration_ops.runbook.sign_off import State

FILE = "annual_review.yaml"
LINK = "https://wiki.example/page"
Values = dict[tuple[str, int, str], Any]


class Task:
    """What the operators ask of a task instance."""

    dag_id, map_index, try_number = "runbook_annual_review", -1, 1

    def __init__(self, task_id: str, values: Values, run_id: str) -> None:
        self.task_id, self.values, self.run_id = task_id, values, run_id

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[self.task_id, -1, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))


def context(task_id: str, values: Values, run_id: str = "run-1", **params: Any) -> Any:
    given = {"windowHours": 24, "notify": True, "awsConnId": "aws_default", "region": None, "period": "year"} | params
    return {"ti": Task(task_id, values, run_id), "params": given}


def ask(values: Values, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = ChecklistOperator(task_id=CHECKLIST, file=FILE).execute(
        context(CHECKLIST, values, **params)
    )
    values[CHECKLIST, -1, "return_value"] = items
    return items


def answer(values: Values, number: int, state: State) -> None:
    values[SIGN_OFF, number, ANSWER_KEY] = {
        "state": state.value,
        "by": "alice",
        "at": "2026-01-09T10:00:00+00:00",
        "evidence": LINK,
        "comment": "",
    }


def report(values: Values, run_id: str = "run-1") -> dict[str, Any]:
    operator = RunbookReportOperator(task_id="report", title="Annual review", sources=[ChecklistAnswers()])
    answered: dict[str, Any] = operator.execute(context("report", values, run_id))
    return answered


def test_a_year_asks_for_more_than_a_quarter(box: Sandbox) -> None:
    year, quarter = ask({}), ask({}, period="quarter")
    assert {one["id"] for one in quarter} < {one["id"] for one in year}
    assert all(one["period"] == "quarter" for one in quarter)


def test_the_report_has_every_item_and_a_lost_question_is_unknown(box: Sandbox) -> None:
    values: Values = {}
    items = ask(values)
    for number in range(1, len(items)):
        answer(values, number, State.NOT_DONE if number == 1 else State.SIGNED)
    found = report(values)
    assert found["verdict"] == "CRITICAL"
    assert found["counts"] == {"CRITICAL": 1, "UNKNOWN": 1, "WARNING": 0, "OK": len(items) - 2}
    bucket = os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"]
    body = box.boto("s3").get_object(Bucket=bucket, Key=found["key"].replace(".html", ".json"))["Body"].read()
    kept = json.loads(body)
    assert {one["resource"] for one in kept["findings"]} == {one["id"] for one in items}
    assert [row[0] for row in kept["extra"][0]["rows"]] == [one["title"] for one in items]
    assert kept["extra"][0]["rows"][2][3:7] == [State.SIGNED.value, "alice", "2026-01-09 10:00 UTC", LINK]


def test_all_signed_off_is_green(box: Sandbox) -> None:
    values: Values = {}
    for number, _ in enumerate(ask(values)):
        answer(values, number, State.SIGNED)
    assert report(values, "run-2")["verdict"] == "OK"


def test_without_a_checklist_there_is_no_report_that_says_ok(box: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match="nothing was asked"):
        report({}, "run-3")


def test_a_checklist_that_is_not_there_fails(box: Sandbox) -> None:
    with pytest.raises(InvalidInputError):
        ChecklistOperator(task_id=CHECKLIST, file="other.yaml").execute(context(CHECKLIST, {}))
