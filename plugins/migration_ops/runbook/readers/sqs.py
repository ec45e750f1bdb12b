"""SQS queues: attributes and age, without receiving a message (looking with ReceiveMessage would hide messages)."""

from __future__ import annotations

import json
from typing import Any

from migration_ops.aws.metrics import Metric, read_metrics
from migration_ops.aws.reader import Reader
from migration_ops.core.facts import NONE_EXPECTED, is_failed

COUNTS = {
    "visible": "ApproximateNumberOfMessages",
    "inFlight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


def read(reader: Reader) -> dict[str, Any]:
    """``queues``: ``name, arn, isDeadLetter, attributes {visible, inFlight, delayed}, age {values}`` in seconds."""
    if reader.config.resources.queues.are_none:
        return {"queues": [], NONE_EXPECTED: True}
    urls = reader.pages("sqs", "list_queues", "QueueUrls", may_lack=True)
    if is_failed(urls):
        return {"queues": urls}
    ours = [url for url in urls if reader.config.resources.queues.takes(_name(url))]
    queues = reader.each(ours, lambda url: _queue(reader, url))
    ages = read_metrics(reader, [_age(queue["name"]) for queue in queues])
    # A queue whose attributes could not be read may be the one that names the dead letters: then nobody can say.
    unread = next((queue["attributes"] for queue in queues if is_failed(queue["attributes"])), None)
    targets = {queue["deadLetterTarget"] for queue in queues}
    for queue in queues:
        queue["age"] = ages[queue["name"]]
        queue["isDeadLetter"] = queue["arn"] in targets if unread is None else unread
    return {"queues": queues}


def _queue(reader: Reader, url: str) -> dict[str, Any]:
    answer = reader.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    queue: dict[str, Any] = {"name": _name(url), "url": url, "arn": None, "deadLetterTarget": None}
    if is_failed(answer):
        return queue | {"attributes": answer}
    found = answer["Attributes"]
    redrive = json.loads(found.get("RedrivePolicy", "{}"))
    queue |= {"arn": found["QueueArn"], "deadLetterTarget": redrive.get("deadLetterTargetArn")}
    return queue | {
        "attributes": {name: int(found[attribute]) for name, attribute in COUNTS.items() if attribute in found}
    }


def _age(name: str) -> Metric:
    return Metric(name, "AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": name}, "Maximum", 300)


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
