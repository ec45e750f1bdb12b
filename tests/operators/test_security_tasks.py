"""The tasks of the security DAGs over the sandbox: other scanners' findings, the questions, the signed report."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.sandbox.sandbox import Sandbox
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.operators.runbook import security
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.results import RunResults
from migration_ops.operators.runbook.sign_off import ANSWER_KEY, ChecklistAnswers
from migration_ops.operators.runbook.sources import all_findings
from migration_ops.runbook.checks.check import Chapter
from migration_ops.runbook.sign_off import State
from tests.dags.dag_files import dag
from tests.operators.test_runbook_tasks import Task, Values
from tests.runbook.test_ingest import asff, ocsf

CRITICAL, UNKNOWN, WARNING, OK = FindingStatus


@dataclass(frozen=True)
class SmallChapter(Chapter):
    """Of these checks alone."""

    few: tuple[str, ...]

    @property
    def check_ids(self) -> tuple[str, ...]:
        return self.few


AUDIT = SmallChapter("audit", ("sns_topic_encrypted", "sns_topic_not_public"))
ASSESSMENT = SmallChapter("assessment", ("packages_known_vulnerabilities",))
BOTH = [AUDIT, ASSESSMENT]
SOURCES = security.security_sources(BOTH)
KEY = "runbook/inbox/prowler.json"


@pytest.fixture
def prowler(box: Sandbox) -> Any:
    """Puts a report into the evidence bucket; its key."""

    def put(*documents: Any, text: str | None = None) -> str:
        body = text if text is not None else json.dumps(list(documents))
        box.boto("s3").put_object(Bucket=os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"], Key=KEY, Body=body.encode())
        return KEY

    return put


def context(task: Task, **params: Any) -> Any:
    given = {"windowHours": 2, "notify": False, "awsConnId": "aws_default", "region": None}
    given |= {"prowlerReport": None, "securityHub": False} | params
    return {"ti": task, "params": given, "dag_run": SimpleNamespace(conf={})}


def ingest(values: Values, **params: Any) -> Any:
    try:
        return security.IngestOperator(task_id="ingest").execute(context(Task("ingest", values), **params))
    except AirflowFailException as error:
        return error


def taken(values: Values) -> dict[str, str]:
    return {one["resource"]: one["verdict"] for one in values["ingest", -1, "findings"]}


def left(values: Values, task: str, number: int, *findings: Finding) -> None:
    values[task, number, "findings"] = [one.as_document() for one in findings]


def all_ok() -> Values:
    values: Values = {}
    for number, check in enumerate(AUDIT.check_ids):
        left(values, "check", number, Finding(check, "topic", OK))
    left(values, "check_assessment", 0, Finding(ASSESSMENT.check_ids[0], "requirements.txt", OK))
    return values


class TestIngest:
    def test_nothing_asked_for_is_skipped(self, box: Sandbox) -> None:
        with pytest.raises(AirflowSkipException):
            ingest({})

    def test_a_red_finding_of_prowler_makes_it_red(self, prowler: Any) -> None:
        values: Values = {}
        assert isinstance(ingest(values, prowlerReport=prowler(ocsf())), AirflowFailException)
        assert list(taken(values).values()) == ["CRITICAL"]

    def test_passed_ones_are_green(self, prowler: Any) -> None:
        assert ingest({}, prowlerReport=prowler(ocsf("PASS")))["verdict"] == "OK"

    @pytest.mark.parametrize("text", ["", "no json", "{}"])
    def test_a_malformed_report_is_unknown(self, prowler: Any, text: str) -> None:
        values: Values = {}
        assert isinstance(ingest(values, prowlerReport=prowler(text=text)), AirflowFailException)
        assert taken(values) == {KEY: "UNKNOWN"}

    def test_a_report_that_is_not_there_is_unknown(self, box: Sandbox) -> None:
        values: Values = {}
        assert isinstance(ingest(values, prowlerReport="runbook/inbox/none.json"), AirflowFailException)
        assert taken(values) == {"runbook/inbox/none.json": "UNKNOWN"}

    def test_a_refused_call_is_unknown(self, box: Sandbox, prowler: Any) -> None:
        for service, operation in (("s3", "GetObject"), ("securityhub", "GetFindings")):
            box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
        values: Values = {}
        assert isinstance(ingest(values, prowlerReport=prowler(ocsf("PASS")), securityHub=True), AirflowFailException)
        box.faults.remove()
        assert taken(values) == {KEY: "UNKNOWN", "*": "UNKNOWN"}

    def test_security_hub_is_asked(self, box: Sandbox) -> None:
        hub = box.boto("securityhub")
        required = {
            "SchemaVersion": "2018-10-08",
            "AwsAccountId": box.account_id,
            "ProductArn": f"arn:aws:securityhub:us-east-1:{box.account_id}:product/{box.account_id}/default",
            "CreatedAt": "2026-05-01T00:00:00Z",
            "UpdatedAt": "2026-05-01T00:00:00Z",
            "Description": "made up",
            "Types": ["Software and Configuration Checks"],
        }
        finding = asff("FAILED", "MEDIUM") | required
        answer = hub.batch_import_findings(Findings=[finding])
        assert answer["FailedCount"] == 0, answer
        values: Values = {}
        assert ingest(values, securityHub=True)["verdict"] == "WARNING"
        assert list(taken(values).values()) == ["WARNING"]


def gathered(values: Values, params: dict[str, Any]) -> list[Finding]:
    return all_findings(SOURCES, RunResults(Task("report", values), params))


class TestFindingsLeft:
    def test_everything_is_collected(self) -> None:
        values = all_ok()
        left(values, "ingest", -1, Finding("prowler:x", "q", WARNING))
        found = gathered(values, {"prowlerReport": KEY, "securityHub": False})
        assert [one.check_id for one in found] == [*AUDIT.check_ids, *ASSESSMENT.check_ids, "prowler:x"]

    def test_a_lost_task_is_unknown(self) -> None:
        asked = {"prowlerReport": None, "securityHub": True}
        found = gathered({}, asked)
        assert [one.verdict for one in found] == [UNKNOWN] * 4

    def test_an_ingest_that_nobody_asked_for_is_not_missed(self) -> None:
        asked = {"prowlerReport": None, "securityHub": False}
        assert len(gathered(all_ok(), asked)) == 3


class TestQuestions:
    def ask(self, values: Values) -> list[dict[str, Any]]:
        operator = security.ComplianceChecklistOperator(task_id="checklist", file="compliance.yaml", sources=SOURCES)
        items: list[dict[str, Any]] = operator.execute(context(Task("checklist", values)))
        return items

    def test_people_see_what_this_run_found(self, box: Sandbox) -> None:
        values = all_ok()
        left(
            values, "check", 1, Finding("sns_topic_not_public", "open-topic", CRITICAL, reason="everybody may publish")
        )
        items = self.ask(values)
        assert len(items) == 5
        for item in items:
            text = "\n".join(item["todo"])
            assert "1 CRITICAL, 0 UNKNOWN, 0 WARNING, 2 OK" in text
            assert "CRITICAL sns_topic_not_public: open-topic. everybody may publish" in text

    def test_of_many_checks_the_worst_are_named(self) -> None:
        findings = [Finding(f"check_{number:02}", "r", WARNING, reason="x") for number in range(20)]
        findings.append(Finding("worst", "r", UNKNOWN, reason="x"))
        lines = security.seen_lines([*findings, *findings[:1]])
        assert lines[1].startswith("UNKNOWN worst")
        assert lines[-1] == "and 9 more checks, see the report"
        assert "r and 1 more" in lines[2]


class TestSignedReport:
    def report(self, values: Values, is_signed: bool, run_id: str) -> dict[str, Any]:
        sources = [*SOURCES, ChecklistAnswers()] if is_signed else SOURCES
        task_id = "signed_report" if is_signed else "report"
        operator = RunbookReportOperator(task_id=task_id, title="Assessment", sources=sources)
        answer: dict[str, Any] = operator.execute(context(Task(operator.task_id, values, run_id=run_id)))
        return answer

    def answered(self, run_id: str, *states: State) -> Values:
        values = all_ok()
        due = {"owner": "tech-lead", "dueAt": "2026-05-01T00:00:00+00:00", "section": "Maintenance Tasks"}
        values["checklist", -1, "return_value"] = [
            due | {"id": f"item_{number}", "title": f"Item {number}"} for number in range(len(states))
        ]
        for number, state in enumerate(states):
            said = {
                "state": state.value,
                "by": "alice",
                "at": "2026-04-30",
                "evidence": "https://x.example",
                "comment": "",
            }
            values["sign_off", number, ANSWER_KEY] = said
        assert self.report(values, False, run_id)["verdict"] == "OK"
        return values

    def test_who_signed_what_lands_in_the_report(self, box: Sandbox) -> None:
        values = self.answered("signed-1", State.SIGNED, State.SIGNED)
        signed = self.report(values, True, "signed-1")
        assert signed["verdict"] == "OK"
        assert "Item 1" in signed["markdown"]
        assert "alice" in signed["markdown"]

    def test_silence_signs_nothing_off(self, box: Sandbox) -> None:
        values = self.answered("signed-2", State.SIGNED, State.NO_ANSWER)
        signed = self.report(values, True, "signed-2")
        assert (signed["verdict"], signed["counts"]["CRITICAL"]) == ("CRITICAL", 1)

    def test_a_question_that_was_lost_is_unknown(self, box: Sandbox) -> None:
        values = self.answered("signed-3", State.SIGNED)
        del values["sign_off", 0, ANSWER_KEY]
        assert self.report(values, True, "signed-3")["counts"]["UNKNOWN"] == 1

    def test_without_a_checklist_there_is_no_signed_report(self, box: Sandbox) -> None:
        with pytest.raises(AirflowFailException):
            self.report(all_ok(), True, "signed-4")


@pytest.mark.parametrize(
    ("dag_id", "leaves", "before"),
    [
        ("runbook_security_audit", {"notify", "run_outcome"}, {"check", "ingest", "report"}),
        (
            "runbook_security_assessment",
            {"notify", "notify_signed", "run_outcome"},
            {"check", "check_assessment", "ingest", "report", "sign_off", "signed_report"},
        ),
    ],
)
def test_nothing_that_failed_can_leave_a_run_green(dag_id: str, leaves: set[str], before: set[str]) -> None:
    one = dag(dag_id)
    assert {task.task_id for task in one.leaves} == leaves
    assert one.task_dict["run_outcome"].upstream_task_ids == before
    assert one.task_dict["run_outcome"].trigger_rule == "none_failed_min_one_success"


def test_people_are_asked_after_the_report_and_notified_again() -> None:
    one = dag("runbook_security_assessment")
    assert one.task_dict["checklist"].upstream_task_ids == {"report"}
    assert one.task_dict["signed_report"].upstream_task_ids == {"sign_off"}
    assert one.task_dict["notify_signed"].report_task == "signed_report"
