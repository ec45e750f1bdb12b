"""The health check as an operator sees it: red for a dead letter, told once, looked at again, and an all-clear."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from include.local import resources
from include.sandbox.estates.__main__ import account_from
from include.sandbox.estates.clean.sqs import make_queue, queue_with_dead_letters
from include.sandbox.estates.estate import seed_clean
from tests.scenarios.airflow_api import Document, Run
from tests.scenarios.lab import Lab
from tests.scenarios.stories import story

DAG_ID, CHECK_ID, LETTERS = "runbook_health_check", "sqs_dead_letter_depth", "scenario-queue-dlq"


@story
def health(lab: Lab) -> SimpleNamespace:
    account = account_from(dict(lab.airflow.stack.environment))
    seed_clean(account)
    sqs = account.client("sqs")
    queue_with_dead_letters(account, "scenario-queue")
    url = sqs.get_queue_url(QueueName=LETTERS)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="lost")
    mail = _mailbox(lab, sqs)
    first = lab.start(DAG_ID, {})
    lab.end(first)
    told = SimpleNamespace(run=first, state=lab.api.run_state(*first), states=lab.states(first))
    told.index = lab.airflow.index_of(first, "check", CHECK_ID)
    told.first = _finding(lab, first)
    told.log = lab.log(first, "check", told.index)
    told.note = lab.note(first)
    told.report = lab.api.xcom(*first, "report")
    told.mail = mail()
    told.letters = _counts(sqs, url)
    second = lab.start(DAG_ID, {})
    lab.end(second)
    told.mail_again = [one for one in mail() if LETTERS in one["Message"]]
    sqs.purge_queue(QueueUrl=url)
    lab.clear(second, "check", told.index)
    lab.end(second)
    told.second, told.after = second, _finding(lab, second)
    told.mail_after = mail()
    told.kept = _kept(lab, told.report["key"])
    return told


def _mailbox(lab: Lab, sqs: Any) -> Any:
    """A queue that hears both topics; a call takes what came since the last one."""
    sns = resources.client("sns", lab.airflow.stack.endpoints)
    url = make_queue(sqs, "scenario-mailbox")
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for topic in sns.list_topics()["Topics"]:
        if topic["TopicArn"].endswith(("migration-on-call", "migration-warnings")):
            sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn)

    def take() -> list[Document]:
        found: list[Document] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for one in messages:
                found.append(json.loads(one["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [one for one in found if "Health check" in one.get("Subject", "")]

    return take


def _finding(lab: Lab, run: Run) -> Document:
    findings = lab.api.xcom(*run, "report", key="findings")
    return next(one for one in findings if (one["checkId"], one["resource"]) == (CHECK_ID, LETTERS))


def _counts(sqs: Any, url: str) -> dict[str, int]:
    """Visible and in flight, and how often the one message was received before this look."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    message = sqs.receive_message(
        QueueUrl=url, VisibilityTimeout=0, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )["Messages"][0]
    return {
        "visible": int(found[names[0]]),
        "inFlight": int(found[names[1]]),
        "receivedBefore": int(message["Attributes"]["ApproximateReceiveCount"]) - 1,
    }


def _kept(lab: Lab, key: str) -> str:
    s3 = resources.client("s3", lab.airflow.stack.endpoints)
    bucket = lab.airflow.stack.environment["MIGRATION_OPS_EVIDENCE_BUCKET"]
    page: str = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
    return page


def test_a_dead_letter_makes_its_check_and_the_run_red(health: SimpleNamespace) -> None:
    assert health.state == "failed"
    assert health.states[f"check[{health.index}]"] == "failed"
    assert health.states["report"] == health.states["tell"] == "success"
    assert (health.first["verdict"], health.first["value"], health.first["limit"]) == ("CRITICAL", 1, 0)
    assert "dead letters: 1, limit 0" in health.log
    assert "What to do: " in health.log


def test_the_note_and_the_report_show_it(health: SimpleNamespace) -> None:
    assert LETTERS in health.note
    assert LETTERS in health.report["markdown"]
    assert f"<code>{LETTERS}</code>" in health.kept


def test_looking_left_the_letter_as_it_was(health: SimpleNamespace) -> None:
    assert health.letters == {"visible": 1, "inFlight": 0, "receivedBefore": 0}


def test_on_call_is_told_once(health: SimpleNamespace) -> None:
    pages = [one for one in health.mail if LETTERS in one["Message"]]
    assert len(pages) == 1
    assert pages[0]["TopicArn"].endswith("migration-on-call")
    assert health.mail_again == []


def test_cleared_it_looks_again_and_says_that_it_is_over(health: SimpleNamespace) -> None:
    assert (health.after["verdict"], health.after["value"]) == ("OK", 0)
    over = [one for one in health.mail_after if LETTERS in one["Message"]]
    assert len(over) == 1
    assert over[0]["Subject"].startswith("All clear")
    assert over[0]["TopicArn"].endswith("migration-on-call")
