"""DynamoDB calls of the ledger: batches, pages and transactions, with this package's errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from migration_ops.aws.errors import to_aws_error
from migration_ops.core.batches import in_groups
from migration_ops.core.errors import MigrationError, ThrottledError
from migration_ops.core.tries import try_with
from migration_ops.ledger.items import KEY, Item, key_of, to_item
from migration_ops.ledger.protocol import VersionConflictError

T = TypeVar("T")

# Limits of BatchGetItem and TransactWriteItems (DynamoDB API reference).
BATCH_GET_ITEMS = 100
TRANSACTION_ITEMS = 100
# The limit is 4 MB per transaction; the size is estimated from text, so this leaves room.
TRANSACTION_BYTES = 3_000_000


class TransactionCancelledError(VersionConflictError):
    """DynamoDB refused the whole transaction; ``reasons`` has one entry per action, in order."""

    code = "TRANSACTION_CANCELLED"

    @property
    def reasons(self) -> list[dict[str, Any]]:
        return list(self.context["reasons"])


class _ContendedError(TransactionCancelledError):
    """Another transaction used the same items at the same time; sending again may succeed."""


@contextmanager
def package_errors(*, mutating: bool) -> Iterator[None]:
    """Turns botocore's errors into this package's."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise to_aws_error(error, mutating=mutating) from error


@dataclass(frozen=True)
class Table:
    """One table behind a boto3 DynamoDB client."""

    client: Any
    name: str

    def get(self, keys: list[str]) -> dict[str, Item]:
        """Consistent BatchGetItem; keys that do not exist are absent.

        :raises ThrottledError: DynamoDB left keys unprocessed in five tries.
        :raises MigrationError: DynamoDB refused, or did not answer.
        """
        found: dict[str, Item] = {}
        for some in in_groups(list(dict.fromkeys(keys)), BATCH_GET_ITEMS):
            try_with(_patience(ThrottledError), partial(self._get_more, list(some), found))
        return found

    def _get_more(self, pending: list[str], found: dict[str, Item]) -> None:
        """Moves what the table answers from ``pending`` to ``found``."""
        pending[:] = self._get_once(pending, found)
        if pending:
            raise ThrottledError("DynamoDB left keys unprocessed", table=self.name, keys=len(pending))

    def _get_once(self, keys: list[str], found: dict[str, Item]) -> list[str]:
        request = {self.name: {"Keys": [key_of(key) for key in keys], "ConsistentRead": True}}
        with package_errors(mutating=False):
            answer = self.client.batch_get_item(RequestItems=request)
        for item in answer["Responses"].get(self.name, []):
            found[item[KEY]["S"]] = item
        unprocessed = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
        return [key[KEY]["S"] for key in unprocessed]

    def query(self, index: str, condition: str, names: dict[str, str], values: dict[str, Any]) -> list[Item]:
        """The items of all pages of an index query.

        :raises MigrationError: DynamoDB refused, or did not answer.
        """
        pages = self.client.get_paginator("query").paginate(
            TableName=self.name,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_item(values),
        )
        with package_errors(mutating=False):
            return [item for page in pages for item in page["Items"]]

    def transact(self, actions: list[dict[str, Any]], token: str) -> None:
        """One TransactWriteItems. After contention with another transaction it is sent again with the same token.

        :raises TransactionCancelledError: with one reason per action.
        :raises ThrottledError: DynamoDB throttled the transaction.
        :raises OutcomeUnknownError: the answer was lost; the token makes sending again safe for ten minutes.
        """
        try_with(_patience(_ContendedError), lambda: self._transact_once(actions, token))

    def _transact_once(self, actions: list[dict[str, Any]], token: str) -> None:
        try:
            self.client.transact_write_items(TransactItems=actions, ClientRequestToken=token)
        except self.client.exceptions.TransactionCanceledException as error:
            raise cancelled(error.response.get("CancellationReasons", []), self.name) from error
        except self.client.exceptions.TransactionInProgressException as error:
            raise _ContendedError("The same transaction is still running", table=self.name, reasons=[]) from error
        except (ClientError, BotoCoreError) as error:
            raise to_aws_error(error, mutating=True) from error


def cancelled(reasons: list[dict[str, Any]], table: str) -> MigrationError:
    """The error for a cancelled transaction: throttled if one reason says so, else contended or cancelled."""
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    if codes & {"ThrottlingError", "ProvisionedThroughputExceeded"}:
        return ThrottledError("DynamoDB throttled the transaction", table=table)
    kind = _ContendedError if codes == {"TransactionConflict"} else TransactionCancelledError
    return kind("DynamoDB cancelled the transaction", table=table, reasons=reasons)


@cache
def _patience(kind: type[MigrationError]) -> Callable[[], Retrying]:
    # At most two seconds in all: longer waits are left to the task's retry, which does not occupy a worker.
    return partial(
        Retrying,
        stop=stop_after_attempt(5),
        wait=wait_random_exponential(multiplier=0.05, max=0.5),
        retry=retry_if_exception_type(kind),
        reraise=True,
    )
