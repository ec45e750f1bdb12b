"""Two queues with their dead letters, empty, and their metrics."""

from __future__ import annotations

import json
from typing import Any

from include.sandbox.estates.account import Account


def seed(account: Account) -> None:
    for name in ("cutover-jobs", "cmdb-updates"):
        queue_with_dead_letters(account, name)


def queue_with_dead_letters(account: Account, name: str) -> str:
    """A queue and its dead letters (``<name>-dlq``), encrypted as the package's own; the queue's URL."""
    sqs = account.client("sqs")
    dead = make_queue(sqs, f"{name}-dlq")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return make_queue(sqs, name, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "5"}))


def make_queue(sqs: Any, name: str, **attributes: str) -> str:
    """An encrypted queue; its URL."""
    found: str = sqs.create_queue(QueueName=name, Attributes={"SqsManagedSseEnabled": "true", **attributes})["QueueUrl"]
    return found
