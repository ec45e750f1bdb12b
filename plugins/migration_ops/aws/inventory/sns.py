"""SNS topics: encryption and policy."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``topics``: ``name, arn, keyId, policies`` (one, or none), ``accessChecks`` (one for each)."""
    names = reader.config.resources.topics
    if names.is_empty:
        return {"topics": []}
    listed = reader.pages("sns", "list_topics", "Topics")
    if is_failed(listed):
        return {"topics": listed}
    arns = [one["TopicArn"] for one in listed]
    checks = AccessChecks(reader)
    ours = [arn for arn in arns if names.matches(_name(arn))]
    return {"topics": reader.map_present(ours, lambda arn: _topic(reader, arn, checks))}


def _topic(reader: AwsReader, arn: str, checks: AccessChecks) -> dict[str, Any] | None:
    topic = {"name": _name(arn), "arn": arn}
    answer = reader.call_optional("sns", "get_topic_attributes", ("NotFound", "NotFoundException"), TopicArn=arn)
    if answer is None:
        return None
    if is_failed(answer):
        return topic | {"keyId": answer, "policies": answer}
    found = answer.get("Attributes", {})
    policies = [found["Policy"]] if found.get("Policy") else []
    return topic | {
        "keyId": found.get("KmsMasterKeyId") or None,
        "policies": policies,
        "accessChecks": checks.of_policies(policies, "AWS::SNS::Topic"),
    }


def _name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


# The lists that checks are about.
TOPICS = Listing("sns", "topics", read)
