"""Metrics of the ledger's table, which the package's template makes: requests, and none refused."""

from __future__ import annotations

from include.sandbox.estates.account import Account


def seed(account: Account) -> None:
    table = {"TableName": account.settings["MIGRATION_OPS_TABLE_NAME"]}
    account.metric("AWS/DynamoDB", "ConsumedReadCapacityUnits", table, 40, 55, 60)
    account.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", table, 20, 25, 30)
