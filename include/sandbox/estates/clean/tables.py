"""A DynamoDB table of somebody else's, as a table should be; used by problems of the reviews."""

from __future__ import annotations

from typing import Any

from include.sandbox.estates.account import Account

NAMES = ("migration-settings",)


def seed(account: Account) -> None:
    for name in NAMES:
        make_table(account, name)
        account.metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", {"TableName": name}, 4, 6)


def make_table(account: Account, name: str, *, index: str | None = None, **more: Any) -> str:
    """An on-demand table, encrypted, protected from deletion, with point-in-time recovery; its name.

    :param index: name of an index on ``status``.
    """
    dynamodb = account.client("dynamodb")
    attributes = ["id", *(["status"] if index else [])]
    request: dict[str, Any] = {
        "TableName": name,
        "AttributeDefinitions": [{"AttributeName": one, "AttributeType": "S"} for one in attributes],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "SSESpecification": {"Enabled": True},
        "Tags": [{"Key": "Application", "Value": "migration"}],
    }
    if index:
        key = [{"AttributeName": "status", "KeyType": "HASH"}]
        request["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": key, "Projection": {"ProjectionType": "KEYS_ONLY"}}
        ]
    dynamodb.create_table(**request | more)
    dynamodb.update_continuous_backups(
        TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    return name
