"""An index of the sandbox's DynamoDB takes its time, as DynamoDB's does: CREATING, and the table UPDATING."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.sandbox.moto import dynamodb_indexes
from include.sandbox.sandbox import Sandbox

ATTRIBUTES = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "wave")]
INDEX = {
    "IndexName": "by-wave",
    "KeySchema": [{"AttributeName": "wave", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with Sandbox(seed="empty") as box:
        yield box.boto("dynamodb")


def make(dynamodb: Any, name: str, **more: Any) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=ATTRIBUTES if more else ATTRIBUTES[:1],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def states(dynamodb: Any, name: str) -> tuple[str, list[str]]:
    table = dynamodb.describe_table(TableName=name)["Table"]
    return table["TableStatus"], [one["IndexStatus"] for one in table.get("GlobalSecondaryIndexes", [])]


def add_index(dynamodb: Any, name: str) -> None:
    dynamodb.update_table(
        TableName=name, AttributeDefinitions=ATTRIBUTES, GlobalSecondaryIndexUpdates=[{"Create": INDEX}]
    )


def test_a_new_index_is_being_made(dynamodb: Any) -> None:
    make(dynamodb, "changed")
    make(dynamodb, "untouched")
    add_index(dynamodb, "changed")
    assert states(dynamodb, "changed") == ("UPDATING", ["CREATING"])
    assert states(dynamodb, "untouched") == ("ACTIVE", [])


def test_and_is_there_in_the_end(dynamodb: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dynamodb_indexes, "BUILD_SECONDS", 0.0)
    make(dynamodb, "quick")
    add_index(dynamodb, "quick")
    assert states(dynamodb, "quick") == ("ACTIVE", ["ACTIVE"])


def test_an_index_of_a_new_table_is_there_with_it(dynamodb: Any) -> None:
    make(dynamodb, "born-with-it", GlobalSecondaryIndexes=[INDEX])
    assert states(dynamodb, "born-with-it") == ("ACTIVE", ["ACTIVE"])
