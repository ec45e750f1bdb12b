"""SNS topics: encryption and policy."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed


def read(reader: Reader) -> dict[str, Any]:
    """``topics``: ``name, arn, keyId, policies`` (one)."""
    names = reader.config.resources.topics
    if names.are_none:
        return {"topics": []}
    listed = reader.pages("sns", "list_topics", "Topics")
    if is_failed(listed):
        return {"topics": listed}
    arns = [one["TopicArn"] for one in listed]
    return {"topics": reader.each([arn for arn in arns if names.takes(_name(arn))], lambda arn: _topic(reader, arn))}


def _topic(reader: Reader, arn: str) -> dict[str, Any]:
    topic = {"name": _name(arn), "arn": arn}
    answer = reader.call("sns", "get_topic_attributes", TopicArn=arn)
    if is_failed(answer):
        return topic | {"keyId": answer, "policies": answer}
    found = answer.get("Attributes", {})
    return topic | {
        "keyId": found.get("KmsMasterKeyId") or None,
        "policies": [found["Policy"]] if found.get("Policy") else [],
    }


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]
