"""A bus of somebody else with a rule that delivers; our own bus and rules are made by the package's template."""

from __future__ import annotations

import json

from include.sandbox.estates.account import Account

BUS = "partner-events"


def seed(account: Account) -> None:
    account.client("events").create_event_bus(Name=BUS)
    make_rule(account, "partner-requests")


def make_rule(account: Account, name: str, *, bus: str = BUS, has_target: bool = True) -> str:
    """An enabled rule that sends to the request queue, with its dead letters; ``bus/rule``, as findings name it."""
    events = account.client("events")
    events.put_rule(
        Name=name,
        EventBusName=bus,
        EventPattern=json.dumps({"source": ["migration-requests"], "detail-type": ["MigrationRequested"]}),
        State="ENABLED",
    )
    if has_target:
        target = {
            "Id": "request-queue",
            "Arn": queue_arn(account, "migration-requests"),
            "DeadLetterConfig": {"Arn": queue_arn(account, "migration-requests-dlq")},
        }
        events.put_targets(Rule=name, EventBusName=bus, Targets=[target])
    return f"{bus}/{name}"


def queue_arn(account: Account, name: str) -> str:
    """Of a queue of the package's own stack, which exists before any seed."""
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return found
