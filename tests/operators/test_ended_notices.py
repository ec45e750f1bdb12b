"""A notice ends only by what its run has read: not by a report that never judged it, nor by one that asked for less."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from include.sandbox.sandbox import Sandbox
from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.operators.runbook.notify import NotifyOperator
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.sign_off import ANSWER_KEY, ChecklistAnswers
from migration_ops.runbook.reports.history import ReportStore
from migration_ops.runbook.reports.kinds import MISSED
from migration_ops.runbook.sign_off import State
from tests.dags.dag_files import dag
from tests.operators.test_runbook_tasks import Task, Values, context, take_all

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus


class Answers:
    """A source with one finding that is well."""

    def findings(self, results: Any) -> list[Finding]:
        return [Finding("sqs_dead_letter_depth", "orders-dlq", OK)]

    def answered(self, results: Any) -> list[str]:
        return []

    def partial(self, results: Any) -> list[str]:
        return []

    def tables(self, results: Any) -> list[dict[str, Any]]:
        return []


@pytest.fixture
def mailbox(box: Sandbox) -> Any:
    """Subjects of what both topics got since the last call."""
    sqs, sns = box.boto("sqs"), box.boto("sns")
    url = sqs.create_queue(QueueName="ended")["QueueUrl"]
    for topic in sns.list_topics()["Topics"]:
        sns.subscribe(
            TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=f"arn:aws:sqs:us-east-1:{box.account_id}:ended"
        )
    take_all(sqs, url)
    return lambda: [json.loads(one)["Subject"] for one in take_all(sqs, url)]


def report(values: Values, run_id: str, *sources: Any, task_id: str = "report", **more: Any) -> None:
    params = more.pop("params", {})
    operator = RunbookReportOperator(task_id=task_id, title="Check", sources=sources or (Answers(),), **more)
    given = context(Task(task_id, values, run_id=run_id), **params)
    given["dag_run"].conf = params
    values[task_id, -1, "return_value"] = operator.execute(given)


def notify(values: Values, run_id: str, *, report_task: str = "report", **params: Any) -> None:
    operator = NotifyOperator(task_id="notify", title="Check", report_task=report_task)
    given = context(Task("notify", values, run_id=run_id), **params)
    given["dag_run"].conf = params
    operator.execute(given)


def last_report(box: Sandbox, dag_id: str, ago: timedelta) -> None:
    bucket = EvidenceStore(box.boto, os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"])
    at = (datetime.now(UTC) - ago).isoformat()
    bucket.put(f"runbook/{dag_id}/latest.json", {"runId": "x", "at": at, "findings": []})


def noticed(box: Sandbox, dag_id: str) -> set[str]:
    store = ReportStore(EvidenceStore(box.boto, os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"]), dag_id)
    return {key.split("|")[0] for some in store.notified()[0].by_route.values() for key in some}


class TestTheMissedWindow:
    def test_a_report_that_does_not_judge_it_ends_no_notice_of_it(self, box: Sandbox, mailbox: Any) -> None:
        last_report(box, "runbook_hole", timedelta(days=3))
        values: Values = {}
        report(values, "hole-1", looks_back=True)
        notify(values, "hole-1")
        assert [one.split(":")[0] for one in mailbox()] == ["WARNING"]
        report(values, "hole-1", task_id="signed_report")
        notify(values, "hole-1", report_task="signed_report")
        assert mailbox() == []
        assert MISSED in noticed(box, "runbook_hole")

    def test_the_signed_report_of_a_run_names_it_too(self) -> None:
        tasks = dag("runbook_security_assessment").task_dict
        assert (tasks["report"].looks_back, tasks["signed_report"].looks_back) == (True, True)

    @pytest.mark.parametrize("params", [{}, {"windowHours": 7}], ids=["its own window", "a window that was asked for"])
    def test_a_run_that_cannot_know_ends_no_notice_of_it(
        self, box: Sandbox, mailbox: Any, params: dict[str, Any]
    ) -> None:
        name = f"blind{len(params)}"
        last_report(box, f"runbook_{name}", timedelta(days=3))
        first: Values = {}
        report(first, f"{name}-1", looks_back=True)
        notify(first, f"{name}-1")
        assert [one.split(":")[0] for one in mailbox()] == ["WARNING"]
        values: Values = {}
        # The window of the run is fixed while nobody can read where the last one ended.
        fault = box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": "GetObject"})
        with pytest.raises(Exception, match="ACCESS_DENIED"):
            report(values, f"{name}-2", looks_back=True, params=params)
        box.faults.remove(fault.fault_id)
        values["report", -1, "return_value"] = {"key": None}
        notify(values, f"{name}-2", **params)
        assert mailbox() == []
        assert MISSED in noticed(box, f"runbook_{name}")

    def test_the_next_run_that_judges_it_ends_it(self, box: Sandbox, mailbox: Any) -> None:
        last_report(box, "runbook_later", timedelta(days=3))
        values: Values = {}
        report(values, "later-1", looks_back=True)
        notify(values, "later-1")
        report(values, "later-2", looks_back=True)
        notify(values, "later-2")
        assert [one.split(":")[0] for one in mailbox()] == ["WARNING", "No longer reported"]


class TestAChecklistInPart:
    def answers(self, *ids: str, period: str) -> tuple[Values, dict[str, Any]]:
        values: Values = {}
        due = {"owner": "tech-lead", "dueAt": "2026-05-01T00:00:00+00:00", "section": "Maintenance Tasks"}
        values["checklist", -1, "return_value"] = [due | {"id": one, "title": one} for one in ids]
        for number, one in enumerate(ids):
            state = State.NOT_DONE if one == "yearly" else State.SIGNED
            said = {
                "state": state.value,
                "by": "alice",
                "at": "2026-04-30",
                "evidence": "https://x.test",
                "comment": "",
            }
            values["sign_off", number, ANSWER_KEY] = said
        return values, {"period": period}

    def run(self, run_id: str, *ids: str, period: str) -> None:
        values, params = self.answers(*ids, period=period)
        report(values, run_id, ChecklistAnswers(), params=params)
        notify(values, run_id)

    def test_what_was_not_asked_for_is_not_gone(self, box: Sandbox, mailbox: Any) -> None:
        self.run("items-1", "quarterly", "yearly", period="year")
        assert [one.split(":")[0] for one in mailbox()] == ["CRITICAL"]
        self.run("items-2", "quarterly", period="quarter")
        assert mailbox() == []
        self.run("items-3", "quarterly", period="year")
        assert [one.split(":")[0] for one in mailbox()] == ["No longer reported"]
