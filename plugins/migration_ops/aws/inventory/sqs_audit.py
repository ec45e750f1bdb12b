"""SQS queues for the audit: encryption and policy. No message is received."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.inventory.iam_access_checks import AccessChecks
from migration_ops.aws.inventory.sqs import GONE
from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``queues``: ``name, arn, managedEncryption, keyId, policies`` (one, or none), ``accessChecks`` (one for each)."""
    names = reader.config.resources.queues
    if names.is_empty:
        return {"queues": []}
    urls = reader.pages("sqs", "list_queues", "QueueUrls", may_lack=True)
    if is_failed(urls):
        return {"queues": urls}
    ours = [url for url in urls if names.matches(_name(url))]
    checks = AccessChecks(reader)
    return {"queues": reader.map_present(ours, lambda url: _queue(reader, url, checks))}


def _queue(reader: AwsReader, url: str, checks: AccessChecks) -> dict[str, Any] | None:
    queue = {"name": _name(url)}
    answer = reader.call_optional("sqs", "get_queue_attributes", GONE, QueueUrl=url, AttributeNames=["All"])
    if answer is None:
        return None
    if is_failed(answer):
        return queue | dict.fromkeys(("arn", "managedEncryption", "keyId", "policies"), answer)
    found = answer.get("Attributes", {})
    policies = [found["Policy"]] if found.get("Policy") else []
    return queue | {
        "arn": found.get("QueueArn"),
        "managedEncryption": found.get("SqsManagedSseEnabled") == "true",
        "keyId": found.get("KmsMasterKeyId"),
        "policies": policies,
        "accessChecks": checks.of_policies(policies, "AWS::SQS::Queue"),
    }


def _name(url: str) -> str:
    return url.rsplit("/", 1)[-1]


# The lists that checks are about.
QUEUES = Listing("audit_sqs", "queues", read)
