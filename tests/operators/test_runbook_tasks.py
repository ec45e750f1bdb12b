"""The runbook's tasks over a real chapter and the sandbox: what is red, what is read anew, what is told and kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.local import airflow_env, resources
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import queue_with_dead_letters
from include.sandbox.sandbox import Sandbox
from migration_ops.core.config import Names, Resources
from migration_ops.core.errors import MigrationError
from migration_ops.operators.runbook import chapter, services
from migration_ops.runbook.health import CHAPTER

CHECK_ID, READER = "sqs_dead_letter_depth", "sqs"
CHECKS = [CHECK_ID]
Values = dict[tuple[str, int, str], Any]


@dataclass
class Task:
    """What the operators ask of a task instance."""

    task_id: str
    values: Values
    map_index: int = -1
    try_number: int = 1
    max_tries: int = 6
    run_id: str = "run-1"

    @property
    def dag_id(self) -> str:
        """Each test has reports of its own to compare with."""
        return "runbook_" + self.run_id.split("-", 1)[0]

    def xcom_push(self, key: str, value: Any) -> None:
        self.values[self.task_id, self.map_index, key] = value

    def xcom_pull(self, task_ids: str, key: str = "return_value", map_indexes: int = -1) -> Any:
        return self.values.get((task_ids, map_indexes, key))


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        made = resources.make(sandbox.environment)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made})
        queue_with_dead_letters(Account(make=sandbox.boto), "orders")
        yield sandbox
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def letters(box: Sandbox) -> Iterator[str]:
    """The URL of a queue of dead letters with one in it."""
    sqs = box.boto("sqs")
    url: str = sqs.get_queue_url(QueueName="orders-dlq")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    yield url
    take_all(sqs, url)
    box.book.remove()


def take_all(sqs: Any, url: str) -> list[str]:
    """Receives and deletes; PurgeQueue is allowed once a minute only."""
    found: list[str] = []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for one in messages:
            found.append(one["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return found


@pytest.fixture
def mailbox(box: Sandbox) -> Any:
    """Takes what both topics got since the last call."""
    sqs, sns = box.boto("sqs"), box.boto("sns")
    url = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{box.account_id}:mailbox"
    for topic in sns.list_topics()["Topics"]:
        sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)
    take_all(sqs, url)
    return lambda: take_all(sqs, url)


def context(task: Task, **params: Any) -> Any:
    given = {"windowHours": 2, "tell": True, "awsConnId": "aws_default", "region": None} | params
    return {"ti": task, "params": given, "dag_run": SimpleNamespace(conf={})}


def check_operator() -> chapter.CheckOperator:
    return chapter.CheckOperator(task_id="check", chapter="health", check=CHECK_ID, readers=[READER], retries=6)


def run_read(values: Values) -> None:
    index = 0
    answer = chapter.ReadOperator(task_id="read", reader=READER).execute(context(Task("read", values, index)))
    values["read", index, "return_value"] = answer


def run_check(values: Values, **task: Any) -> Any:
    try:
        return check_operator().execute(context(Task("check", values, 0, **task)))
    except AirflowFailException as error:
        return error


def run_report(values: Values, run_id: str, checks: list[str] = CHECKS) -> dict[str, Any]:
    operator = chapter.FindingsReportOperator(task_id="report", title="Health check", chapter="health", checks=checks)
    answer: dict[str, Any] = operator.execute(context(Task("report", values, run_id=run_id)))
    values["report", -1, "return_value"] = answer
    return answer


def run_tell(values: Values, run_id: str, **params: Any) -> Any:
    operator = chapter.TellOperator(task_id="tell", title="Health check")
    return operator.execute(context(Task("tell", values, run_id=run_id), **params))


def whole(run_id: str) -> Values:
    values: Values = {}
    run_read(values)
    run_check(values)
    run_report(values, run_id)
    return values


def verdicts(values: Values) -> dict[str, str]:
    return {one["resource"]: one["verdict"] for one in values["check", 0, "findings"]}


def test_a_red_finding_fails_the_task_and_is_kept(letters: str) -> None:
    values: Values = {}
    run_read(values)
    failure = run_check(values)
    assert isinstance(failure, AirflowFailException)
    assert "dead letters: 1, limit 0" in str(failure)
    assert verdicts(values)["orders-dlq"] == "CRITICAL"


def test_what_is_well_is_green(box: Sandbox) -> None:
    values: Values = {}
    run_read(values)
    assert run_check(values)["verdict"] == "OK"


def test_a_check_that_a_person_cleared_looks_again(box: Sandbox, letters: str) -> None:
    values: Values = {}
    run_read(values)
    take_all(box.boto("sqs"), letters)
    run_check(values, try_number=2, max_tries=6)
    assert verdicts(values)["orders-dlq"] == "CRITICAL", "Airflow's own retry judges what the run read"
    run_check(values, try_number=2, max_tries=7)
    assert verdicts(values)["orders-dlq"] == "OK", "cleared: grants new tries"


def test_without_what_was_read_it_is_unknown(box: Sandbox) -> None:
    values: Values = {}
    assert isinstance(run_check(values), AirflowFailException)
    assert verdicts(values) == {"*": "UNKNOWN"}


def test_a_service_that_refuses_leaves_a_reading_and_an_unknown(box: Sandbox) -> None:
    fault = box.book.add_document({"kind": "accessDenied", "service": "sqs", "operation": "ListQueues"})
    values: Values = {}
    run_read(values)
    box.book.remove(fault.fault_id)
    run_check(values)
    assert verdicts(values) == {"*": "UNKNOWN"}


def test_a_large_reading_goes_to_the_bucket_and_comes_back(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, letters: str
) -> None:
    monkeypatch.setattr(services, "XCOM_BYTES", 10)
    values: Values = {}
    run_read(values)
    assert set(values["read", 0, "return_value"]) == {"key"}
    run_check(values)
    assert verdicts(values)["orders-dlq"] == "CRITICAL"


def test_a_kind_that_is_not_here_is_skipped_and_not_lost(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    none = services.read_config().model_copy(update={"resources": Resources(queues=Names(include=()))})
    monkeypatch.setattr(services, "read_config", lambda directory: none)
    values: Values = {}
    run_read(values)
    with pytest.raises(AirflowSkipException, match="no queues"):
        run_check(values)
    assert run_report(values, "run-none")["counts"]["UNKNOWN"] == 0


def test_a_check_whose_task_was_lost_is_named(box: Sandbox) -> None:
    values: Values = {}
    run_read(values)
    report = run_report(values, "run-lost")
    assert report["verdict"] == "UNKNOWN"
    assert CHECK_ID in report["markdown"]


def test_a_report_is_kept_in_three_forms_and_the_next_compares(box: Sandbox, letters: str) -> None:
    first = run_report_of("compare-1")
    take_all(box.boto("sqs"), letters)
    second = run_report_of("compare-2")
    assert "| better |" in second["markdown"]
    assert "`compare-1`" in second["markdown"]
    bucket, base = os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"], first["key"].removesuffix(".html")
    for form in (".html", ".md", ".json"):
        body = box.boto("s3").get_object(Bucket=bucket, Key=base + form)["Body"].read().decode()
        assert "orders-dlq" in body
    # Cleared, the report compares with the same run as before, not with itself.
    assert "`compare-1`" in run_report_of("compare-2")["markdown"]


def run_report_of(run_id: str) -> dict[str, Any]:
    values: Values = {}
    run_read(values)
    run_check(values)
    return run_report(values, run_id)


def test_people_are_told_once_and_when_it_is_over(box: Sandbox, letters: str, mailbox: Any) -> None:
    run_tell(whole("tell-1"), "tell-1")
    [page] = mailbox()
    assert "orders-dlq" in page
    assert "migration-on-call" in page
    run_tell(whole("tell-2"), "tell-2")
    assert mailbox() == []
    take_all(box.boto("sqs"), letters)
    run_tell(whole("tell-3"), "tell-3")
    [over] = mailbox()
    assert "All clear" in over
    assert "migration-on-call" in over


def test_a_message_that_was_not_sent_is_due_again(box: Sandbox, letters: str, mailbox: Any) -> None:
    values = whole("lost-1")
    fault = box.book.add_document({"kind": "accessDenied", "service": "sns", "operation": "Publish"})
    with pytest.raises(MigrationError):
        run_tell(values, "lost-1")
    box.book.remove(fault.fault_id)
    assert mailbox() == []
    run_tell(values, "lost-1")
    assert len(mailbox()) == 1


def test_nobody_is_told_when_the_run_says_so(box: Sandbox, letters: str, mailbox: Any) -> None:
    with pytest.raises(AirflowSkipException):
        run_tell(whole("quiet"), "quiet", tell=False)
    assert mailbox() == []


def test_the_wiring_names_every_reader_and_check_of_the_chapter() -> None:
    assert READER in CHAPTER.readers
    assert CHECK_ID in CHAPTER.check_ids
