"""SQS queues as the audit sees them: encryption and policy. No message is received."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed


def read(reader: Reader) -> dict[str, Any]:
    """``queues``: ``name, arn, managedEncryption, keyId, policies`` (one, or none)."""
    names = reader.config.resources.queues
    if names.are_none:
        return {"queues": []}
    urls = reader.pages("sqs", "list_queues", "QueueUrls", may_lack=True)
    if is_failed(urls):
        return {"queues": urls}
    ours = [url for url in urls if names.takes(_name(url))]
    return {"queues": reader.each(ours, lambda url: _queue(reader, url))}


def _queue(reader: Reader, url: str) -> dict[str, Any]:
    queue = {"name": _name(url)}
    answer = reader.call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])
    if is_failed(answer):
        return queue | dict.fromkeys(("arn", "managedEncryption", "keyId", "policies"), answer)
    found = answer.get("Attributes", {})
    return queue | {
        "arn": found.get("QueueArn"),
        "managedEncryption": found.get("SqsManagedSseEnabled") == "true",
        "keyId": found.get("KmsMasterKeyId"),
        "policies": [found["Policy"]] if found.get("Policy") else [],
    }


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]
