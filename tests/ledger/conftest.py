"""A ledger on moto's server over HTTP, a fresh table for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from include.sandbox.moto import dynamodb_isolation
from migration_ops.ledger import verify_history
from migration_ops.ledger.anchor_store import AnchorStore
from migration_ops.ledger.anchors import ALL, Anchor, every_head
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock
from tests.moto_account import make_client, moto_endpoint  # noqa: F401 - fixtures


@pytest.fixture(scope="session", autouse=True)
def one_transaction_at_a_time() -> None:
    """Races are to be decided by the conditions alone, as in DynamoDB."""
    dynamodb_isolation.install()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def dynamodb(make_client: Callable[..., Any]) -> Any:  # noqa: F811
    return make_client("dynamodb", max_pool_connections=20)


@pytest.fixture
def table_name(dynamodb: Any) -> Iterator[str]:
    name = f"migration-state-{uuid4().hex[:8]}"
    indexes = {
        "wave-status-index": ("wave", "status"),
        "app-status-index": ("appName", "status"),
        "status-timestamp-index": ("status", "updatedAt"),
    }
    attributes = sorted({"migrationId", *(one for pair in indexes.values() for one in pair)})
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": one, "AttributeType": "S"} for one in attributes],
        KeySchema=[{"AttributeName": "migrationId", "KeyType": "HASH"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": hash_key, "KeyType": "HASH"},
                    {"AttributeName": range_key, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, (hash_key, range_key) in indexes.items()
        ],
    )
    yield name
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def ledger(dynamodb: Any, table_name: str, clock: Clock) -> DynamoDbLedger:
    return DynamoDbLedger(dynamodb, table_name, clock)


@pytest.fixture
def bucket(make_client: Callable[..., Any]) -> str:  # noqa: F811
    name = f"evidence-{uuid4().hex[:8]}"
    make_client("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def anchors(make_client: Callable[..., Any], bucket: str) -> AnchorStore:  # noqa: F811
    make_client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return AnchorStore(make_client, bucket)


@pytest.fixture
def anchor(anchors: AnchorStore, dynamodb: Any, table_name: str, clock: Clock) -> Callable[[], str]:
    """Anchors every chain of the table."""

    def write() -> str:
        heads = every_head(Table(dynamodb, table_name))
        return anchors.write(Anchor(table_name, ALL, "", "nightly", heads), clock())

    return write


@pytest.fixture
def verify(
    dynamodb: Any,
    table_name: str,
    make_client: Callable[..., Any],  # noqa: F811
    bucket: str,
) -> Callable[..., int]:
    given = ["--table", table_name, "--bucket", bucket]
    return lambda *arguments: verify_history.main([*given, *arguments], client=dynamodb, make_client=make_client)
