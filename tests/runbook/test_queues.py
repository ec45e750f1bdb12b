"""What is known of queues: all of them, who takes dead letters by whoever names it so, and how old messages are."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.estates.account import Account
from include.sandbox.estates.clean.sqs import make_queue, queue_with_dead_letters
from include.sandbox.sandbox import Sandbox
from migration_ops.aws.inventory import sqs
from migration_ops.aws.reader import AwsReader
from migration_ops.core.config import Names, Resources, RunbookConfig
from migration_ops.core.facts import Snapshot, is_failed
from migration_ops.core.finding import Finding, FindingStatus
from migration_ops.core.settings import Settings
from migration_ops.core.thresholds import Thresholds
from migration_ops.runbook.checks.check import Check, read_with
from tests.runbook.alarms.conftest import function, role
from tests.runbook.estates import reader_of

OK, WARNING, CRITICAL, UNKNOWN = (
    FindingStatus.OK,
    FindingStatus.WARNING,
    FindingStatus.CRITICAL,
    FindingStatus.UNKNOWN,
)
CHECKS = ("sqs_dead_letter_depth", "sqs_queue_visible_messages", "sqs_queue_oldest_message_age")
NOW = datetime(2026, 11, 27, 12, 17, tzinfo=UTC)
PREFIX = "arn:aws:sqs:us-east-1:123456789012:"


def judged(read: dict[str, Any], check_id: str) -> dict[str, Finding]:
    found = Check("health", check_id).run(Snapshot(json.loads(json.dumps({"sqs": read}))), Thresholds())
    return {one.resource: one for one in found}


def verdicts(read: dict[str, Any], check_id: str = "sqs_dead_letter_depth") -> dict[str, FindingStatus]:
    return {name: one.verdict for name, one in judged(read, check_id).items()}


@pytest.fixture
def account(box: Sandbox) -> Iterator[Account]:
    """An empty account: nothing of the package's own stack either, which takes seconds to make."""
    box.reset()
    yield Account(make=box.boto, control=box.client)
    box.reset()


def filled(account: Account, name: str, messages: int = 3) -> str:
    """A queue with messages; its ARN."""
    client = account.client("sqs")
    url = make_queue(client, name)
    for number in range(messages):
        client.send_message(QueueUrl=url, MessageBody=str(number))
    return PREFIX + name


def by_function(account: Account, arn: str) -> None:
    function(account, "f")
    account.client("lambda").update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": arn})


def by_version(account: Account, arn: str) -> None:
    """A published version keeps what the function had then; an alias still calls it."""
    by_function(account, arn)
    client = account.client("lambda")
    version = client.publish_version(FunctionName="f")["Version"]
    client.create_alias(FunctionName="f", Name="live", FunctionVersion=version)
    client.update_function_configuration(FunctionName="f", DeadLetterConfig={"TargetArn": ""})


def by_bus(account: Account, arn: str) -> None:
    account.client("events").create_event_bus(Name="orders", DeadLetterConfig={"Arn": arn})


def by_destination(account: Account, arn: str) -> None:
    function(account, "f")
    config = {"OnFailure": {"Destination": arn}, "OnSuccess": {"Destination": PREFIX + "work"}}
    account.client("lambda").put_function_event_invoke_config(FunctionName="f", DestinationConfig=config)


def by_stream(account: Account, arn: str) -> None:
    function(account, "f")
    table = account.client("dynamodb").create_table(
        TableName="streamed",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )
    account.client("lambda").create_event_source_mapping(
        EventSourceArn=table["TableDescription"]["LatestStreamArn"],
        FunctionName="f",
        StartingPosition="LATEST",
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )


def by_rule(account: Account, arn: str, bus: str = "default") -> None:
    events = account.client("events")
    if bus != "default":
        events.create_event_bus(Name=bus)
    events.put_rule(Name="r", EventPattern='{"source": ["x"]}', EventBusName=bus)
    target = {"Id": "1", "Arn": PREFIX + "work", "DeadLetterConfig": {"Arn": arn}}
    events.put_targets(Rule="r", EventBusName=bus, Targets=[target])


def by_rule_of_a_bus(account: Account, arn: str) -> None:
    by_rule(account, arn, "orders")


def by_subscription(account: Account, arn: str) -> None:
    sns = account.client("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = json.dumps({"deadLetterTargetArn": arn})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=PREFIX + "work", Attributes={"RedrivePolicy": policy})


def by_schedule(account: Account, arn: str) -> None:
    target = {"Arn": PREFIX + "work", "RoleArn": role(account), "DeadLetterConfig": {"Arn": arn}}
    account.client("scheduler").create_schedule(
        Name="s", ScheduleExpression="rate(1 hour)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )


def by_pipe(account: Account, arn: str) -> None:
    source = "arn:aws:kinesis:us-east-1:123456789012:stream/s"
    stream = {"StartingPosition": "LATEST", "DeadLetterConfig": {"Arn": arn}}
    account.client("pipes").create_pipe(
        Name="p",
        RoleArn=role(account),
        Source=source,
        Target=PREFIX + "work",
        SourceParameters={"KinesisStreamParameters": stream},
    )


def by_queue(account: Account, arn: str) -> None:
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    make_queue(account.client("sqs"), "source", RedrivePolicy=policy)


NAMED: dict[str, tuple[Callable[[Account, str], None], str, str]] = {
    "a queue": (by_queue, "sqs", "GetQueueAttributes"),
    "a function": (by_function, "lambda", "ListFunctions"),
    "a version of a function": (by_version, "lambda", "ListVersionsByFunction"),
    "a bus": (by_bus, "events", "DescribeEventBus"),
    "a function's destination": (by_destination, "lambda", "ListFunctionEventInvokeConfigs"),
    "a stream": (by_stream, "lambda", "ListEventSourceMappings"),
    "a rule": (by_rule, "events", "ListTargetsByRule"),
    "a rule of a bus": (by_rule_of_a_bus, "events", "ListRules"),
    "a subscription": (by_subscription, "sns", "GetSubscriptionAttributes"),
    "a schedule": (by_schedule, "scheduler", "GetSchedule"),
    "a pipe": (by_pipe, "pipes", "DescribePipe"),
}


@pytest.mark.parametrize("who", NAMED)
def test_a_queue_takes_dead_letters_whoever_names_it_so(box: Sandbox, account: Account, who: str) -> None:
    filled(account, "work")
    NAMED[who][0](account, filled(account, "lost"))
    read = sqs.read(reader_of(box, account))
    assert verdicts(read)["lost"] is CRITICAL
    assert "work" not in verdicts(read)
    assert verdicts(read, "sqs_queue_visible_messages").get("lost") is None


@pytest.mark.parametrize("who", [who for who in NAMED if who != "a queue"])
def test_a_source_that_cannot_be_read_leaves_doubt_about_what_nobody_else_names(
    box: Sandbox, account: Account, who: str
) -> None:
    make, service, operation = NAMED[who]
    make(account, filled(account, "lost"))
    filled(account, "work")
    filled(account, "empty", 0)
    client = account.client("sqs")
    queue_with_dead_letters(account, "jobs")
    client.send_message(QueueUrl=client.get_queue_url(QueueName="jobs-dlq")["QueueUrl"], MessageBody="{}")
    box.faults.add_document({"kind": "accessDenied", "service": service, "operation": operation})
    read = sqs.read(reader_of(box, account))
    found = verdicts(read)
    # Named by a queue, so known. Without a message it does not matter who names it.
    assert (found["jobs-dlq"], found["empty"]) == (CRITICAL, OK)
    assert (found["lost"], found["work"]) == (UNKNOWN, UNKNOWN)
    assert verdicts(read, "sqs_queue_visible_messages")["work"] is OK


def test_a_queue_that_lets_named_queues_redrive_to_it_takes_their_dead_letters() -> None:
    policy = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [PREFIX + "of-somebody"]})
    read = sqs.read(of(queues=2, attributes={"q1": {"RedriveAllowPolicy": policy}}))
    assert verdicts(read) == {"q1": CRITICAL}


class TestOneUnreadableQueue:
    """Fifty queues; one of them answers an error."""

    def read(self, code: str, **more: Any) -> dict[str, Any]:
        return sqs.read(of(queues=50, bad={"q7": code}, **more))

    def test_a_deleted_one_is_gone(self) -> None:
        for code in sqs.GONE:
            read = self.read(code)
            assert "q7" not in {one["name"] for one in read["queues"]}
            for check_id in CHECKS:
                assert UNKNOWN not in verdicts(read, check_id).values()

    def test_a_refused_one_is_unknown_alone(self) -> None:
        read = self.read("AccessDenied")
        for check_id in CHECKS:
            assert {name for name, one in verdicts(read, check_id).items() if one is UNKNOWN} == {"q7"}

    def test_it_may_name_another_one_which_then_says_so(self) -> None:
        assert verdicts(self.read("AccessDenied", sources={"q9": ["q7"]}))["q9"] is CRITICAL

    def test_what_cannot_say_who_names_it_is_in_doubt_too(self) -> None:
        found = verdicts(self.read("AccessDenied", no_sources={"q9"}))
        assert {name for name, one in found.items() if one is UNKNOWN} == {"q7", "q9"}


def test_beyond_a_thousand_queues_all_are_looked_at() -> None:
    """SQS answers a token only to those who ask for pages."""
    assert len(sqs.read(of(queues=2_097))["queues"]) == 2_097


def test_the_sandbox_pages_queues_only_when_asked(account: Account) -> None:
    client = account.client("sqs")
    for number in range(1_003):
        client.create_queue(QueueName=f"q{number}")
    bare = client.list_queues()
    assert (len(bare["QueueUrls"]), "NextToken" in bare) == (1_000, False)
    reader = AwsReader(lambda _: client, RunbookConfig(), Settings(), NOW, timedelta(hours=2))
    assert {f"q{number}" for number in range(1_003)} <= set(map(sqs.name_of, sqs.queue_urls(reader)))


@pytest.mark.parametrize("arn", ["arn:aws:sqs:us-east-1:999999999999:far", "arn:aws:sqs:eu-west-1:123456789012:far"])
def test_a_queue_of_another_account_or_region_is_said_to_be_not_looked_at(
    box: Sandbox, account: Account, arn: str
) -> None:
    filled(account, "work", 0)
    by_rule(account, arn)
    read = sqs.read(reader_of(box, account))
    one = judged(read, "sqs_dead_letter_depth")[arn]
    assert one.verdict is WARNING
    assert "not read" in one.reason
    assert "rule default/r" in one.reason
    for check_id in (*CHECKS[1:], "sqs_queue_delayed", "sqs_queue_in_flight"):
        assert arn not in verdicts(read, check_id)


def test_a_queue_that_is_named_and_does_not_exist_loses_what_is_sent_to_it(box: Sandbox, account: Account) -> None:
    filled(account, "work", 0)
    by_subscription(account, PREFIX + "never-made")
    one = judged(sqs.read(reader_of(box, account)), "sqs_dead_letter_depth")[PREFIX + "never-made"]
    assert (one.verdict, "there is no such queue" in one.reason) == (WARNING, True)


def test_nothing_is_asked_of_services_that_the_installation_has_not(box: Sandbox, account: Account) -> None:
    filled(account, "work")
    none = Names(include=())
    bare = RunbookConfig(resources=Resources(functions=none, buses=none, topics=none))
    box.calls.clear()
    sqs.read(replace(reader_of(box, account), config=bare))
    assert {one["service"] for one in box.calls.counts()} == {"sqs", "monitoring"}


class TestAge:
    """A point counts by its time."""

    def age(self, *points: tuple[str, float], visible: int = 1) -> Finding:
        reader = of(queues=1, visible=visible, ages=[(at(moment), value) for moment, value in points])
        return judged(sqs.read(reader), "sqs_queue_oldest_message_age")["q0"]

    def test_an_old_message_is_critical(self) -> None:
        assert self.age(("12:14", 3000)).verdict is CRITICAL

    def test_points_of_hours_ago_say_nothing_of_now(self) -> None:
        assert self.age(("10:25", 1200), ("10:30", 3000)).verdict is WARNING

    def test_the_newest_point_counts(self) -> None:
        assert self.age(("12:05", 3000), ("12:15", 12)).verdict is OK

    def test_few_messages_without_a_value_are_a_warning(self) -> None:
        assert self.age().verdict is WARNING

    def test_many_without_a_value_are_unknown(self) -> None:
        assert self.age(visible=101).verdict is UNKNOWN

    def test_a_drained_queue_is_well_whatever_its_points(self) -> None:
        assert self.age(("12:14", 3000), visible=0).verdict is OK


def at(moment: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-27T{moment}:00+00:00")


def of(queues: int, **more: Any) -> AwsReader:
    """A reader of an account that has queues only."""
    none = Names(include=())
    config = RunbookConfig(resources=Resources(functions=none, buses=none, topics=none))
    clients = {"sqs": Queues(queues, **more), "cloudwatch": Ages(more.get("ages", []))}
    return AwsReader(clients.__getitem__, config, Settings(), NOW, timedelta(hours=2))


class Queues:
    """SQS as its API reference says: without MaxResults at most 1,000 queues and no token."""

    meta = SimpleNamespace(partition="aws", region_name="us-east-1")

    def __init__(
        self,
        number: int,
        visible: int = 3,
        bad: dict[str, str] | None = None,
        sources: dict[str, list[str]] | None = None,
        no_sources: frozenset[str] | set[str] = frozenset(),
        attributes: dict[str, dict[str, str]] | None = None,
        ages: Any = None,
    ) -> None:
        self.attributes = attributes or {}
        self.urls = [f"https://sqs/123456789012/q{one}" for one in range(number)]
        self.visible, self.bad, self.sources, self.no_sources = visible, bad or {}, sources or {}, no_sources

    def can_paginate(self, operation: str) -> bool:
        return True

    def get_paginator(self, operation: str) -> Any:
        def paginate(PaginationConfig: Any = None, **request: Any) -> Iterator[dict[str, Any]]:
            size = (PaginationConfig or {}).get("PageSize")
            if operation == "list_queues":
                yield from self._list(size)
                return
            name = request["QueueUrl"].rsplit("/", 1)[-1]
            if name in self.no_sources:
                raise refused("AccessDenied")
            yield {"queueUrls": [f"https://sqs/123456789012/{one}" for one in self.sources.get(name, [])]}

        return SimpleNamespace(paginate=paginate)

    def _list(self, size: int | None) -> Iterator[dict[str, Any]]:
        if size is None:
            yield {"QueueUrls": self.urls[:1_000]}
            return
        for first in range(0, len(self.urls), size):
            yield {"QueueUrls": self.urls[first : first + size]}

    def get_queue_attributes(self, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:
        name = QueueUrl.rsplit("/", 1)[-1]
        if name in self.bad:
            raise refused(self.bad[name])
        counts = dict.fromkeys(sqs.COUNTS.values(), "0") | {"ApproximateNumberOfMessages": str(self.visible)}
        return {"Attributes": {"QueueArn": PREFIX + name, **counts, **self.attributes.get(name, {})}}


class Ages:
    """CloudWatch that answers all it has, whatever the time range."""

    def __init__(self, points: list[tuple[datetime, float]]) -> None:
        self.points = points

    def get_paginator(self, operation: str) -> Any:
        def paginate(**request: Any) -> Iterator[dict[str, Any]]:
            one = {
                "Timestamps": [moment for moment, _ in self.points],
                "Values": [value for _, value in self.points],
                "StatusCode": "Complete",
            }
            yield {"MetricDataResults": [one | {"Id": query["Id"]} for query in request["MetricDataQueries"]]}

        return SimpleNamespace(paginate=paginate)


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetQueueAttributes")


def test_the_readers_name_is_known_to_chapters() -> None:
    assert not is_failed(read_with("sqs", of(queues=1))["queues"])
