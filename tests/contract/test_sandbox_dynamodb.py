"""The sandbox's DynamoDB is as isolated as DynamoDB: a refused transaction touches nothing of anybody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from include.sandbox.sandbox import Sandbox


@pytest.fixture(scope="module")
def table() -> Any:
    with Sandbox(seed="empty") as box:
        client = box.boto("dynamodb", max_pool_connections=20)
        client.create_table(
            TableName="isolation",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def _put(name: str, condition: str | None = None) -> dict[str, Any]:
    put = {"TableName": "isolation", "Item": {"id": {"S": name}}}
    return {"Put": put | ({"ConditionExpression": condition} if condition else {})}


def test_refused_transactions_beside_writes_lose_nothing(table: Any) -> None:
    def refused(number: int) -> None:
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            table.transact_write_items(
                TransactItems=[_put(f"never-{number}"), _put(f"no-{number}", "attribute_exists(id)")]
            )

    def kept(number: int) -> None:
        if number % 2:
            table.put_item(TableName="isolation", Item={"id": {"S": f"kept-{number}"}})
        else:
            table.transact_write_items(TransactItems=[_put(f"kept-{number}")])

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: refused(n) if n % 3 == 0 else kept(n), range(120)))
    found = {
        item["id"]["S"]
        for page in table.get_paginator("scan").paginate(TableName="isolation")
        for item in page["Items"]
    }
    assert found == {f"kept-{number}" for number in range(120) if number % 3}


def test_a_refused_update_in_a_transaction_is_undone(table: Any) -> None:
    table.put_item(TableName="isolation", Item={"id": {"S": "counter"}, "n": {"N": "1"}})
    update = {
        "Update": {
            "TableName": "isolation",
            "Key": {"id": {"S": "counter"}},
            "UpdateExpression": "SET n = :n",
            "ExpressionAttributeValues": {":n": {"N": "2"}},
        }
    }
    with pytest.raises(ClientError):
        table.transact_write_items(TransactItems=[update, _put("no", "attribute_exists(id)")])
    assert table.get_item(TableName="isolation", Key={"id": {"S": "counter"}})["Item"]["n"] == {"N": "1"}
