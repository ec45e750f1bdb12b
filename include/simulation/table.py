"""A DynamoDB table in memory behind the calls of a boto3 client that the ledger makes.

The real ``DynamoDbLedger`` runs on it. Conditions, transactions, tokens and indexes work as in DynamoDB;
``tests/simulation/test_table.py`` compares them with moto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from include.simulation.expressions import Item, Stored, condition_of, update_of

KEY = "migrationId"
INDEXES = {
    "wave-status-index": ("wave", "status"),
    "app-status-index": ("appName", "status"),
    "status-timestamp-index": ("status", "updatedAt"),
}
TRANSACTION_ITEMS = 100
BATCH_GET_ITEMS = 100
TOKEN_SECONDS = 600.0

# (key, item before or None, item after or None)
Change = tuple[str, Item | None, Item | None]


class TransactionCanceledException(ClientError):
    """As boto3 names it; ``response`` has one reason per action."""


class TransactionInProgressException(ClientError):
    """As boto3 names it; it does not occur here, because a transaction ends at once."""


def client_error(code: str, operation: str, message: str = "", kind: type[ClientError] = ClientError) -> ClientError:
    """An error answer of AWS."""
    return kind({"Error": {"Code": code, "Message": message or code}}, operation)


class Sent(list[dict[str, Any]]):
    """The actions of a transaction that was executed: never changed."""


class MemoryTable:
    """The items of one table, by key."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.items: dict[str, Item] = {}
        self._now = now
        self._tokens: dict[str, tuple[float, Sent]] = {}

    def transact(self, actions: list[dict[str, Any]], token: str) -> list[Change]:
        """Executes all actions or none; returns the changes. It returns none if the same transaction (by token) was
        executed within the last ten minutes.

        :raises ClientError: refused, as by DynamoDB.
        """
        self._forget_tokens()
        before = self._tokens.get(token)
        if before is not None:
            if before[1] != actions:
                raise client_error("IdempotentParameterMismatchException", "TransactWriteItems")
            return []
        keys = [_key_of(action) for action in actions]
        if not 1 <= len(actions) <= TRANSACTION_ITEMS or len(set(keys)) != len(keys):
            raise client_error("ValidationException", "TransactWriteItems", "number of items, or one item twice")
        reasons = [self._reason(key, action) for key, action in zip(keys, actions, strict=True)]
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
            error = client_error(
                "TransactionCanceledException", "TransactWriteItems", message, TransactionCanceledException
            )
            error.response.update({"CancellationReasons": reasons})  # type: ignore[typeddict-item]
            raise error
        changes = [self._changed(key, action) for key, action in zip(keys, actions, strict=True)]
        for key, _, new in changes:
            if new is None:
                self.items.pop(key, None)
            else:
                self.items[key] = new
        self._tokens[token] = (self._now(), Sent(actions))
        return changes

    def _forget_tokens(self) -> None:
        """DynamoDB knows a token for ten minutes."""
        over = self._now() - TOKEN_SECONDS
        while self._tokens and (first := next(iter(self._tokens.items())))[1][0] <= over:
            del self._tokens[first[0]]

    def _reason(self, key: str, action: dict[str, Any]) -> dict[str, Any]:
        [body] = action.values()
        item = self.items.get(key)
        condition = condition_of(body["ConditionExpression"])
        names, values = body.get("ExpressionAttributeNames", {}), body.get("ExpressionAttributeValues", {})
        if condition(item or {}, names, values):
            return {"Code": "None"}
        reason: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
        if item is not None and body.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
            reason["Item"] = dict(item)
        return reason

    def _changed(self, key: str, action: dict[str, Any]) -> Change:
        [(kind, body)] = action.items()
        old = self.items.get(key)
        if kind == "Delete":
            return key, old, None
        if kind == "Put":
            return key, old, Stored(body["Item"])
        update = update_of(body["UpdateExpression"])
        names, values = body["ExpressionAttributeNames"], body["ExpressionAttributeValues"]
        return key, old, update(old or dict(body["Key"]), names, values)

    def get(self, keys: list[str]) -> list[Item]:
        if not 1 <= len(keys) <= BATCH_GET_ITEMS or len(set(keys)) != len(keys):
            raise client_error("ValidationException", "BatchGetItem", "number of keys, or one key twice")
        return [dict(self.items[key]) for key in keys if key in self.items]

    def query(self, index: str, condition: str, names: dict[str, str], values: dict[str, Any]) -> list[Item]:
        """Items that have both attributes of the index, sorted by its range key."""
        hash_key, range_key = INDEXES[index]
        matches = condition_of(condition)
        found = [
            item
            for item in self.items.values()
            if hash_key in item and range_key in item and matches(item, names, values)
        ]
        return sorted((dict(item) for item in found), key=lambda item: str(item[range_key]))


def _key_of(action: dict[str, Any]) -> str:
    [body] = action.values()
    return str((body.get("Key") or body["Item"])[KEY]["S"])


class TableClient:
    """The calls of ``boto3.client("dynamodb")`` that the ledger makes.

    :param send, read: execute a call, with the faults of the schedule.
    """

    exceptions = SimpleNamespace(
        TransactionCanceledException=TransactionCanceledException,
        TransactionInProgressException=TransactionInProgressException,
    )

    def __init__(
        self,
        table: MemoryTable,
        send: Callable[[Callable[[], Any]], Any] = lambda execute: execute(),
        read: Callable[[Callable[[], Any]], Any] = lambda execute: execute(),
    ) -> None:
        self._table, self._send, self._read = table, send, read

    def transact_write_items(self, *, TransactItems: list[dict[str, Any]], ClientRequestToken: str) -> Any:
        self._send(lambda: self._table.transact(TransactItems, ClientRequestToken))
        return {}

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:
        [(name, request)] = RequestItems.items()
        keys = [str(key[KEY]["S"]) for key in request["Keys"]]
        return {"Responses": {name: self._read(lambda: self._table.get(keys))}, "UnprocessedKeys": {}}

    def get_paginator(self, operation: str) -> Any:
        if operation != "query":
            raise NotImplementedError(operation)
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, **request: Any) -> Iterator[dict[str, Any]]:
        names, values = request["ExpressionAttributeNames"], request["ExpressionAttributeValues"]
        index, condition = request["IndexName"], request["KeyConditionExpression"]
        yield {"Items": self._read(lambda: self._table.query(index, condition, names, values))}
