"""What was deleted between its listing and its reading is gone: no doubt about it, and none about the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import RunbookConfig
from migration_ops.core.facts import is_failed
from migration_ops.core.settings import Settings
from migration_ops.runbook.checks.check import read_with

NOW = datetime(2026, 11, 27, 12, 17, tzinfo=UTC)


def refuses(code: str) -> Callable[..., Any]:
    def call(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, "Read")

    return call


def client(listed: dict[str, Any], **calls: Any) -> Any:
    """One that lists things, and answers each call about one of them with an error."""

    def paginator(operation: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            yield calls[operation](**request) if operation in calls else listed

        return SimpleNamespace(paginate=paginate)

    meta = SimpleNamespace(region_name="us-east-1", partition="aws")
    return SimpleNamespace(can_paginate=lambda _: True, get_paginator=paginator, meta=meta, **calls)


QUEUE = {"QueueUrls": ["https://sqs/123456789012/migration-q"]}
TOPIC = {"Topics": [{"TopicArn": "arn:aws:sns:us-east-1:123456789012:migration-t"}]}
GROUP = {"logGroups": [{"logGroupName": "/aws/lambda/migration-f"}]}
MACHINE = {"stateMachines": [{"name": "migration-m", "stateMachineArn": "arn"}]}
CASES = [
    ("audit_sqs", "queues", "sqs", QUEUE, "get_queue_attributes", "AWS.SimpleQueueService.NonExistentQueue"),
    ("audit_sqs", "queues", "sqs", QUEUE, "get_queue_attributes", "QueueDoesNotExist"),
    ("sns", "topics", "sns", TOPIC, "get_topic_attributes", "NotFound"),
    ("logs", "groups", "logs", GROUP, "filter_log_events", "ResourceNotFoundException"),
    ("log_groups", "groups", "logs", GROUP, "filter_log_events", "ResourceNotFoundException"),
    ("audit_states", "machines", "stepfunctions", MACHINE, "describe_state_machine", "StateMachineDoesNotExist"),
    (
        "state_definitions",
        "stateMachines",
        "stepfunctions",
        MACHINE,
        "describe_state_machine",
        "StateMachineDoesNotExist",
    ),
]


def read(name: str, member: str, service: str, listed: dict[str, Any], operation: str, code: str) -> Any:
    clients = {service: client(listed, **{operation: refuses(code)})}
    reader = AwsReader(clients.__getitem__, RunbookConfig(), Settings(), NOW, timedelta(hours=2))
    return read_with(name, reader)[member]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[5]}")
def test_it_is_left_out(case: tuple[Any, ...]) -> None:
    assert read(*case) == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[5]}")
def test_a_refusal_is_no_deletion(case: tuple[Any, ...]) -> None:
    [found] = read(*case[:5], "AccessDeniedException")
    assert any(is_failed(one) for one in found.values())
