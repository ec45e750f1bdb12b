"""An account with something to watch for every kind of alarm."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import queue_with_dead_letters
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.reader import AwsReader
from migration_ops.core.finding import Route
from migration_ops.core.states import Phase
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Holder, Record
from migration_ops.runbook.alarms.reconcile import AlarmReview, look_at
from migration_ops.runbook.alarms.wanted import KINDS
from tests.runbook.estates import account_of, reader_of

TOPICS = {route: f"arn:aws:sns:us-east-1:123456789012:{route.value}" for route in Route}
SERVER = "s-0000000000000a1a1"
HOLDER = Holder("alarms_test", "run", "wave-1")
Look = Callable[..., AlarmReview]


@pytest.fixture(scope="module")
def seeded(box: Sandbox) -> Iterator[Account]:
    box.reset()
    account = account_of(box)
    seed(account)
    yield account
    box.reset()


@pytest.fixture
def account(box: Sandbox, seeded: Account) -> Iterator[Account]:
    """Without alarms, and with one server on its way."""
    on_its_way(seeded, SERVER)
    yield seeded
    box.faults.remove()
    names = list(alarms(seeded))
    if names:
        seeded.client("cloudwatch").delete_alarms(AlarmNames=names)
    table, dynamodb = seeded.settings["MIGRATION_OPS_TABLE_NAME"], seeded.client("dynamodb")
    for item in dynamodb.scan(TableName=table)["Items"]:
        dynamodb.delete_item(TableName=table, Key={"migrationId": item["migrationId"]})


@pytest.fixture
def reader(box: Sandbox, account: Account) -> AwsReader:
    return reader_of(box, account)


@pytest.fixture
def look(reader: AwsReader) -> Look:
    """Looks at one kind, dry unless asked otherwise."""

    def looked(kind: str, *, dry_run: bool = True, using: AwsReader | None = None) -> AlarmReview:
        return look_at(using or reader, kind, TOPICS, dry_run=dry_run)

    return looked


@pytest.fixture
def applied(look: Look) -> None:
    for kind in KINDS:
        look(kind, dry_run=False)


def seed(account: Account) -> None:
    queue_with_dead_letters(account, "jobs")
    function(account, "validate-input")
    machine(account, "wave-machine")
    events = account.client("events")
    events.create_event_bus(Name="custom-bus")
    pattern = json.dumps({"source": ["one"]})
    events.put_rule(Name="on-default", EventPattern=pattern)
    events.put_rule(Name="on-custom", EventPattern=pattern, EventBusName="custom-bus")


def function(account: Account, name: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): return 1")
    account.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Role=role(account),
        Handler="app.handler",
        Code={"ZipFile": packed.getvalue()},
    )


def machine(account: Account, name: str) -> None:
    definition = {"StartAt": "one", "States": {"one": {"Type": "Pass", "End": True}}}
    account.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=role(account)
    )


def role(account: Account) -> str:
    iam = account.client("iam")
    try:
        found: str = iam.get_role(RoleName="alarms-test")["Role"]["Arn"]
    except iam.exceptions.NoSuchEntityException:
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
                    "Action": "sts:AssumeRole",
                }
            ],
        }
        found = iam.create_role(RoleName="alarms-test", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    return found


def on_its_way(account: Account, server: str) -> Record:
    """A migration of this server, registered and not begun."""
    migration_id = f"mig-{server}"
    record = Record(migration_id, "wave-1", "billing", server, Phase.PLANNED, correlation_id=migration_id)
    return ledger_of(account).write([record], [record], "registered", holder=HOLDER)[0]


def goes_on(account: Account, server: str, *phases: Phase) -> None:
    """Takes the server's migration through these phases."""
    ledger = ledger_of(account)
    for phase in phases:
        before = ledger.read([f"mig-{server}"])[f"mig-{server}"]
        ledger.write([before], [before.to(phase)], "test", holder=HOLDER)


def ledger_of(account: Account) -> DynamoDbLedger:
    table = account.settings["MIGRATION_OPS_TABLE_NAME"]
    return DynamoDbLedger(account.client("dynamodb"), table, lambda: datetime.now(UTC))


def alarms(account: Account) -> dict[str, dict[str, Any]]:
    """What CloudWatch has, by name."""
    pages = account.client("cloudwatch").get_paginator("describe_alarms").paginate()
    return {one["AlarmName"]: one for page in pages for one in page["MetricAlarms"]}


def foreign(account: Account, name: str) -> None:
    """An alarm of somebody else."""
    account.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SQS",
        MetricName="NumberOfMessagesSent",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=7,
        ComparisonOperator="GreaterThanThreshold",
    )
