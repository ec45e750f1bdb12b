"""The table in memory against moto's DynamoDB: the same operations, the same answers, the same items."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.dynamodb import dynamodb_backends

from include.simulation.expressions import ExpressionNotKnownError, condition_of, update_of
from include.simulation.table import INDEXES, MemoryTable, TableClient
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import TRANSITIONS, Phase, Status
from migration_ops.ledger import items
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Holder, Intent, Record
from tests import faster_moto

SEQUENCES, GROUP, STEPS = 200, 50, 15
SERVERS, RUNS = 3, 3
START = datetime(2040, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def moto_table() -> Iterator[Any]:
    faster_moto.install()
    with mock_aws():
        client = boto3.client(
            "dynamodb", region_name="eu-central-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        names = sorted({"migrationId", *(one for pair in INDEXES.values() for one in pair)})
        client.create_table(
            TableName="migration-state",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in names],
            KeySchema=[{"AttributeName": "migrationId", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": index,
                    "KeySchema": [
                        {"AttributeName": pair[0], "KeyType": "HASH"},
                        {"AttributeName": pair[1], "KeyType": "RANGE"},
                    ],
                    "Projection": {"ProjectionType": "ALL"},
                }
                for index, pair in INDEXES.items()
            ],
        )
        yield client


def holder(number: int) -> Holder:
    return Holder("migration_wave", f"run-{number}", "wave-1")


class Both:
    """The ledger on moto and the ledger in memory; every operation is done on both and compared."""

    def __init__(self, client: Any, prefix: str) -> None:
        self.clock, self.prefix = Clock(), prefix
        self.table = MemoryTable(lambda: self.clock.now.timestamp())
        self.ledgers = [
            DynamoDbLedger(client, "migration-state", self.clock),
            DynamoDbLedger(TableClient(self.table), "migration-state", self.clock),
        ]
        self.ids = [f"mig-{prefix}-{number}" for number in range(SERVERS)]
        self.stored = [[self.new(number)] for number in range(SERVERS)]

    def new(self, number: int) -> Record:
        return Record(
            f"mig-{self.prefix}-{number}",
            f"wave-{self.prefix}",
            f"app-{self.prefix}",
            self.server(number),
            Phase.PLANNED,
        )

    def server(self, number: int) -> str:
        return f"s-{self.prefix}-{number}"

    def do(self, operation: Any) -> Any:
        """What both ledgers answer or raise, compared."""
        answers = []
        for ledger in self.ledgers:
            try:
                answers.append((True, operation(ledger)))
            except MigrationError as error:
                answers.append((False, f"{type(error).__name__} {error}"))
        assert answers[0] == answers[1]
        return answers[0]


def changed(dice: random.Random, record: Record) -> Record:
    """What somebody might write: mostly a legal step."""
    phases = sorted(TRANSITIONS[record.phase] or {record.phase})
    phase = dice.choice(phases) if dice.random() < 0.8 else dice.choice(list(Phase))
    intent = Intent("START_TEST", f"intent-{dice.randint(1, 3)}", dice.randint(1, 3), "2040-01-01T00:00:00+00:00")
    return replace(
        record,
        phase=phase,
        instance_id=dice.choice((None, "", "i-1")),
        replication_lag_seconds=dice.choice((None, 0.0, 12.5)),
        intents=dice.choice(({}, {"START_TEST": intent})),
        facts=dice.choice(({}, {"n": 1, "f": 0.25, "list": [1, "two", None, True], "m": {"deep": {}}})),
        error_message=dice.choice((None, "went wrong")),
    )


def write(dice: random.Random, both: Both) -> Any:
    numbers = dice.sample(range(SERVERS), dice.randint(1, SERVERS))
    old = [dice.choice(both.stored[number][-3:]) for number in numbers]
    new = [changed(dice, record) if record.version else record for record in old]
    by = dice.choice((None, holder(dice.randint(1, RUNS))))
    event = dice.choice(("one", "two"))
    ok, answer = both.do(lambda ledger: ledger.write(old, new, event, {"a": [1.5]}, by))
    if ok:
        for number, record in zip(numbers, answer, strict=True):
            both.stored[number].append(record)
    return ok


def act(dice: random.Random, both: Both) -> None:
    both.clock.now += timedelta(seconds=dice.choice((0, 1, 700)))
    servers = [both.server(number) for number in dice.sample(range(SERVERS), dice.randint(1, SERVERS))]
    first, second = holder(dice.randint(1, RUNS)), holder(dice.randint(1, RUNS))
    kind = dice.choice(("write",) * 5 + ("take over", "release", "locks", "read", "index", "history"))
    if kind == "write":
        write(dice, both)
    elif kind == "take over":
        both.do(lambda ledger: ledger.take_over(servers, first, second))
    elif kind == "release":
        both.do(lambda ledger: ledger.release(servers, first))
    elif kind == "locks":
        both.do(lambda ledger: ledger.locks(servers))
    elif kind == "read":
        both.do(lambda ledger: ledger.read([*both.ids, "mig-none"]))
    elif kind == "index":
        wave, app = f"wave-{both.prefix}", f"app-{both.prefix}"
        both.do(lambda ledger: (ledger.by_wave(wave), ledger.by_app(app)))
        status, before = dice.choice(list(Status)), dice.choice((None, both.clock.now.isoformat()))
        both.do(lambda ledger: [one for one in ledger.by_status(status, before) if one.wave == wave])
    else:
        both.do(lambda ledger: ledger.histories(both.ids))


@pytest.mark.parametrize("first", range(0, SEQUENCES, GROUP))
def test_the_same_operations_have_the_same_outcome(moto_table: Any, first: int) -> None:
    """200 sequences of 15 operations: writes, locks, reads and indexes, right and wrong ones."""
    for seed in range(first, first + GROUP):
        # moto copies the whole table for each transaction.
        dynamodb_backends["123456789012"]["eu-central-1"].tables["migration-state"].items.clear()
        dice, both = random.Random(seed), Both(moto_table, str(seed))
        both.do(lambda ledger, both=both: ledger.write(*[[both.new(n) for n in range(SERVERS)]] * 2, "registered"))
        both.stored = [list(both.ledgers[1].read([one]).values()) for one in both.ids]
        for _ in range(STEPS):
            act(dice, both)
        for key, item in both.table.items.items():
            stored = moto_table.get_item(TableName="migration-state", Key=items.key_of(key))["Item"]
            # Each call of write() has a token of its own.
            assert stored | {"writeToken": 0} == item | {"writeToken": 0}


def test_a_transaction_that_is_sent_again_is_executed_once() -> None:
    table, action = (
        MemoryTable(lambda: 0.0),
        {
            "Put": {
                "Item": items.key_of("a"),
                "ConditionExpression": "attribute_not_exists(#k)",
                "ExpressionAttributeNames": {"#k": "migrationId"},
            }
        },
    )
    assert len(table.transact([action], "token")) == 1
    assert table.transact([action], "token") == []
    with pytest.raises(Exception, match="TransactionCanceled"):
        table.transact([action], "another")


@pytest.mark.parametrize("text", ["#a > :b", "contains(#a, :b)", "#a = :b OR", "NOT #a = :b", "#a BETWEEN :b"])
def test_a_condition_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(ExpressionNotKnownError):
        condition_of(text)


@pytest.mark.parametrize("text", ["ADD #a :b", "SET #a = #b + :c", "SET #a = if_not_exists(#b, :c)"])
def test_an_update_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(ExpressionNotKnownError):
        update_of(text)
