"""The runbook's tasks over a real chapter and the sandbox: what is red, what is read again, what is told and kept."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from include.local import airflow_env, resources
from include.sandbox.estates import wide_config
from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import queue_with_dead_letters
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.config import Names, Resources
from migration_ops.core.errors import MigrationError
from migration_ops.operators.runbook import chapter
from migration_ops.operators.runbook import services as runbook_services
from migration_ops.operators.runbook.notify import NotifyOperator
from migration_ops.operators.runbook.report import RunbookReportOperator
from migration_ops.operators.runbook.run_window import run_window, windowed
from migration_ops.operators.runbook.sources import ChapterChecks
from migration_ops.runbook.checks.chapters import CHAPTERS, HEALTH

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
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    # The queue's name is another team's.
    wide = {"MIGRATION_OPS_CONFIG_DIRECTORY": str(wide_config.write(tmp_path_factory.mktemp("wide")))}
    with Sandbox(speed=600, seed="empty", shown="wall") as sandbox:
        before = dict(os.environ)
        made = resources.make(sandbox.environment)
        os.environ.update({**sandbox.environment, **airflow_env.connections(sandbox.environment), **made, **wide})
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
    box.faults.remove()


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
    given = {"windowHours": 2, "notify": True, "awsConnId": "aws_default", "region": None} | params
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


def report_operator(checks: list[str] = CHECKS, **more: Any) -> RunbookReportOperator:
    sources = [ChapterChecks(HEALTH, tuple(checks))]
    return RunbookReportOperator(task_id="report", title="Health check", sources=sources, **more)


def run_report(values: Values, run_id: str, checks: list[str] = CHECKS) -> dict[str, Any]:
    operator = report_operator(checks)
    answer: dict[str, Any] = operator.execute(context(Task("report", values, run_id=run_id)))
    values["report", -1, "return_value"] = answer
    return answer


def run_notify(values: Values, run_id: str, **params: Any) -> Any:
    operator = NotifyOperator(task_id="notify", title="Health check")
    return operator.execute(context(Task("notify", values, run_id=run_id), **params))


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
    assert "dead letters of queue orders: 1 message, limit 0 messages" in str(failure)
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
    fault = box.faults.add_document({"kind": "accessDenied", "service": "sqs", "operation": "ListQueues"})
    values: Values = {}
    run_read(values)
    box.faults.remove(fault.fault_id)
    run_check(values)
    assert verdicts(values) == {"*": "UNKNOWN"}


def test_a_large_reading_goes_to_the_bucket_and_comes_back(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, letters: str
) -> None:
    monkeypatch.setattr(runbook_services, "XCOM_BYTES", 10)
    values: Values = {}
    run_read(values)
    assert set(values["read", 0, "return_value"]) == {"key"}
    run_check(values)
    assert verdicts(values)["orders-dlq"] == "CRITICAL"


def test_a_kind_that_is_not_here_is_skipped_and_not_lost(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    none = runbook_services.read_config().model_copy(update={"resources": Resources(queues=Names(include=()))})
    monkeypatch.setattr(runbook_services, "read_config", lambda directory: none)
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


def test_people_are_notified_once_and_when_it_is_over(box: Sandbox, letters: str, mailbox: Any) -> None:
    run_notify(whole("tell-1"), "tell-1")
    [page] = mailbox()
    assert "orders-dlq" in page
    assert "migration-on-call" in page
    run_notify(whole("tell-2"), "tell-2")
    assert mailbox() == []
    take_all(box.boto("sqs"), letters)
    run_notify(whole("tell-3"), "tell-3")
    [over] = mailbox()
    assert "All clear" in over
    assert "migration-on-call" in over


def test_a_message_that_was_not_sent_is_due_again(box: Sandbox, letters: str, mailbox: Any) -> None:
    values = whole("lost-1")
    fault = box.faults.add_document({"kind": "accessDenied", "service": "sns", "operation": "Publish"})
    with pytest.raises(MigrationError):
        run_notify(values, "lost-1")
    box.faults.remove(fault.fault_id)
    assert mailbox() == []
    run_notify(values, "lost-1")
    assert len(mailbox()) == 1


def test_a_message_whose_answer_was_lost_arrives(box: Sandbox, letters: str, mailbox: Any) -> None:
    """SNS has no token: rather twice than not at all."""
    values = whole("unanswered-1")
    box.client.add_fault("dropAfter", service="sns", operation="Publish", times=1)
    run_notify(values, "unanswered-1")
    assert {"orders-dlq" in page for page in mailbox()} == {True}
    run_notify(values, "unanswered-1")
    assert mailbox() == []


def test_killed_while_it_notifies_it_goes_on_and_then_is_silent(
    box: Sandbox, letters: str, mailbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """The worker dies here."""

    def send_and_die(services: Any, given: Any, message: Any) -> None:
        publish(services, given, message)
        raise Killed

    values, publish = whole("killed-1"), runbook_services.RunbookServices.publish
    with monkeypatch.context() as patch:
        patch.setattr(runbook_services.RunbookServices, "publish", send_and_die)
        with pytest.raises(Killed):
            run_notify(values, "killed-1")
    run_notify(values, "killed-1")
    assert {"orders-dlq" in page for page in mailbox()} == {True}
    run_notify(values, "killed-1")
    assert mailbox() == []


def test_nobody_is_notified_when_the_run_says_so(box: Sandbox, letters: str, mailbox: Any) -> None:
    with pytest.raises(AirflowSkipException):
        run_notify(whole("quiet"), "quiet", notify=False)
    assert mailbox() == []


class TestFindingsComeFirst:
    """What was found is heard, whatever becomes of the report."""

    @pytest.mark.parametrize("operation", ["GetObject", "PutObject"])
    def test_without_the_bucket(self, box: Sandbox, letters: str, mailbox: Any, operation: str) -> None:
        values: Values = {}
        run_read(values)
        run_check(values)
        fault = box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": operation})
        with pytest.raises(MigrationError):
            run_report(values, f"first-{operation}")
        with pytest.raises(MigrationError):
            run_notify(values, f"first-{operation}")
        box.faults.remove(fault.fault_id)
        [page] = mailbox()
        assert "orders-dlq" in page

    def test_a_report_that_cannot_be_compared_is_kept_and_red(self, box: Sandbox, letters: str) -> None:
        values = whole("broken-1")
        bucket = os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"]
        box.boto("s3").put_object(Bucket=bucket, Key="runbook/runbook_broken/latest.json", Body=b"{")
        with pytest.raises(MigrationError):
            run_report(values, "broken-2")
        result = values["report", -1, "return_value"]
        assert "could not be read: nothing is compared" in result["markdown"]
        assert box.boto("s3").head_object(Bucket=bucket, Key=result["key"])

    def test_without_any_report_on_call_hears_that(self, box: Sandbox, mailbox: Any) -> None:
        operator = NotifyOperator(task_id="notify", title="Health check", pages=True)
        with pytest.raises(AirflowFailException, match="no report"):
            operator.execute(context(Task("notify", {}, run_id="noreport-1")))
        [page] = mailbox()
        assert "UNKNOWN" in page
        assert "migration-on-call" in page
        run_notify(whole("noreport-2"), "noreport-2")
        [again] = mailbox()
        assert "can be read again" in again


def test_a_message_says_where_it_comes_from(
    box: Sandbox, letters: str, mailbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/")
    run_notify(whole("place-1"), "place-1")
    [page] = mailbox()
    address = "https://airflow.example/dags/runbook_place/runs/place-1"
    for text in (box.account_id, "us-east-1", "[aws_default]", address, "s3://", "(P1)"):
        assert text in page


def test_an_older_run_that_is_cleared_notifies_nobody(box: Sandbox, letters: str, mailbox: Any) -> None:
    old = whole("older-1")
    run_notify(old, "older-1")
    take_all(box.boto("sqs"), letters)
    # Reports are dated in whole seconds: of two in the same one, none is newer.
    time.sleep(1)
    run_notify(whole("older-2"), "older-2")
    mailbox()
    again = run_report(old, "older-1")
    assert "A newer run has kept its report" in again["markdown"]
    said = run_notify(old, "older-1")
    assert (said["messages"], mailbox()) == ([], [])
    assert "older than older-2" in said["silent"]
    assert "older than older-2" in old["notify", -1, "run_note"]


class TestTheWindow:
    def window(self, task: Task, **params: Any) -> Any:
        given = context(task, **params)
        given["dag_run"].conf = params
        return run_window(given, runbook_services.runbook_services(given))

    def test_it_is_fixed_once_for_all_tasks_of_a_run(self, box: Sandbox) -> None:
        first = self.window(Task("read", {}, 0, run_id="fixed-1"))
        assert self.window(Task("check", {}, 3, run_id="fixed-1", try_number=9)) == first

    def test_it_begins_before_the_last_one_ended(self, box: Sandbox) -> None:
        run_report_of("joined-1")
        first = self.window(Task("report", {}, run_id="joined-1"))
        latest = datetime.fromisoformat(self.latest(box, "runbook_joined")["at"])
        assert latest == first.until.replace(microsecond=0)
        second = self.window(Task("read", {}, run_id="joined-2"))
        assert second.since <= latest - timedelta(minutes=15)

    def latest(self, box: Sandbox, dag_id: str) -> Any:
        key = f"runbook/{dag_id}/latest.json"
        bucket = os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"]
        return json.loads(box.boto("s3").get_object(Bucket=bucket, Key=key)["Body"].read())

    def test_after_a_missed_run_it_is_longer(self, box: Sandbox) -> None:
        before = datetime.now(UTC) - timedelta(hours=7)
        bucket = EvidenceStore(box.boto, os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"])
        bucket.put("runbook/runbook_missed/latest.json", {"runId": "x", "at": before.isoformat(), "findings": []})
        assert self.window(Task("read", {}, run_id="missed-1")).since == before - timedelta(minutes=15)

    def test_a_time_at_which_nobody_looked_is_a_finding(self, box: Sandbox) -> None:
        before = datetime.now(UTC) - timedelta(days=3)
        bucket = EvidenceStore(box.boto, os.environ["MIGRATION_OPS_EVIDENCE_BUCKET"])
        bucket.put("runbook/runbook_hole/latest.json", {"runId": "x", "at": before.isoformat(), "findings": []})
        values: Values = {}
        run_read(values)
        run_check(values)
        report_operator(looks_back=True).execute(context(Task("report", values, run_id="hole-1")))
        found = {one["checkId"]: one["verdict"] for one in values["report", -1, "findings"]}
        assert found["runbook_window"] == "WARNING"

    def test_a_person_may_ask_for_another(self, box: Sandbox) -> None:
        window = self.window(Task("read", {}, run_id="asked-1"), windowHours=7)
        assert (window.length, window.asked) == (timedelta(hours=7), True)

    def test_where_the_last_run_ended_cannot_be_read_it_is_the_longest(self, box: Sandbox) -> None:
        fault = box.faults.add_document({"kind": "accessDenied", "service": "s3", "operation": "GetObject"})
        window = self.window(Task("read", {}, run_id="blind-1"))
        box.faults.remove(fault.fault_id)
        assert (window.length, window.is_certain) == (timedelta(days=1), False)

    def test_a_cleared_task_looks_from_its_beginning_until_now(self, box: Sandbox) -> None:
        given = context(Task("read", {}, run_id="again-1"))
        services = runbook_services.runbook_services(given)
        window = run_window(given, services)
        again, same = (windowed(services.reader, window, again=one) for one in (True, False))
        assert (same.since, same.now) == (window.since, window.until)
        assert again.since == window.since
        assert again.now > window.until

    def test_a_run_of_before_that_is_cleared_is_as_old_as_it_was_due(self, box: Sandbox) -> None:
        given = context(Task("read", {}, run_id="due-1"))
        due = datetime.now(UTC) - timedelta(days=1)
        given["dag_run"].run_after, given["dag_run"].clear_number = due, 1
        assert run_window(given, runbook_services.runbook_services(given)).until == due


def test_the_wiring_names_every_reader_and_check_of_the_chapter() -> None:
    assert READER in CHAPTERS[HEALTH].readers
    assert CHECK_ID in CHAPTERS[HEALTH].check_ids
