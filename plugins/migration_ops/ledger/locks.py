"""A server belongs to one running wave: the conditional lock item ``server#<id>``.

Taking a lock is part of the transaction that writes the record (``dynamodb.py``); here are the actions for it,
reading, taking over from a run that has ended, and releasing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from migration_ops.core.batches import in_groups
from migration_ops.ledger.items import holder_of, key_of, lock_attributes, lock_key, to_item
from migration_ops.ledger.protocol import Holder, LockHeld, VersionConflict
from migration_ops.ledger.table import TRANSACTION_ITEMS, Table, TransactionCancelled

Action = dict[str, Any]

_NAMES = {"#dag": "dagId", "#run": "runId"}
_IS_HOLDERS = "(#dag = :dag AND #run = :run)"


def take_action(table: str, source_server_id: str, holder: Holder, at: str) -> Action:
    """Takes the lock when it is free, keeps it (and its ``since``) when it is the holder's own already."""
    return {
        "Update": {
            "TableName": table,
            "Key": key_of(lock_key(source_server_id)),
            "UpdateExpression": "SET #dag = :dag, #run = :run, #for = :for, #since = if_not_exists(#since, :since)",
            "ConditionExpression": f"attribute_not_exists(#dag) OR {_IS_HOLDERS}",
            "ExpressionAttributeNames": _NAMES | {"#for": "lockedFor", "#since": "since"},
            "ExpressionAttributeValues": _values(holder) | to_item({":for": holder.wave, ":since": at}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


@dataclass(frozen=True)
class Locks:
    """The lock items of one table. ``at`` gives the present time in the ledger's format."""

    table: Table
    at: Callable[[], str]

    def read(self, source_server_ids: list[str]) -> dict[str, Holder]:
        """Who holds which server (BatchGetItem, consistent); free ones are absent."""
        keys = {lock_key(one): one for one in source_server_ids}
        items = self.table.get(list(keys))
        return {keys[key]: holder_of(item) for key, item in items.items()}

    def take_over(self, source_server_ids: list[str], ended: Holder, holder: Holder) -> None:
        """Moves locks from ``ended`` to ``holder``; those that already are the holder's stay.

        :raises LockHeld: a third run holds one of them.
        :raises VersionConflict: one of them was released in between; take it by writing.
        """
        for servers in in_groups(list(dict.fromkeys(source_server_ids)), TRANSACTION_ITEMS):
            actions = [self._take_over_action(one, ended, holder) for one in servers]
            try:
                self.table.transact(actions, str(uuid4()))
            except TransactionCancelled as error:
                raise self._why_not(servers, error) from error

    def release(self, source_server_ids: list[str], holder: Holder) -> None:
        """Frees what ``holder`` holds; other runs' locks are left alone. Releasing twice is no error."""
        for servers in in_groups(list(dict.fromkeys(source_server_ids)), TRANSACTION_ITEMS):
            self._release(servers, holder)

    def _release(self, servers: list[str], holder: Holder) -> None:
        try:
            self._delete(servers, holder)
        except TransactionCancelled:
            # One is free or another run's.
            self._release_held(servers, holder)

    def _release_held(self, servers: list[str], holder: Holder) -> None:
        try:
            self._delete(self._held(servers, holder), holder)
        except TransactionCancelled:
            # One changed hands between the read and the delete: look again and leave that one alone.
            self._delete(self._held(servers, holder), holder)

    def _held(self, servers: list[str], holder: Holder) -> list[str]:
        return [one for one, current in self.read(servers).items() if current.is_same_run(holder)]

    def _delete(self, servers: list[str], holder: Holder) -> None:
        if servers:
            self.table.transact([self._delete_action(one, holder) for one in servers], str(uuid4()))

    def _delete_action(self, source_server_id: str, holder: Holder) -> Action:
        return {
            "Delete": {
                "TableName": self.table.name,
                "Key": key_of(lock_key(source_server_id)),
                "ConditionExpression": _IS_HOLDERS,
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": _values(holder),
            }
        }

    def _take_over_action(self, source_server_id: str, ended: Holder, holder: Holder) -> Action:
        assignments = [f"{name} = :{name}" for name in lock_attributes(holder, "")]
        return {
            "Update": {
                "TableName": self.table.name,
                "Key": key_of(lock_key(source_server_id)),
                "UpdateExpression": "SET " + ", ".join(assignments),
                "ConditionExpression": f"(#dag = :endedDag AND #run = :endedRun) OR {_IS_HOLDERS}",
                "ExpressionAttributeNames": _NAMES,
                "ExpressionAttributeValues": _values(holder)
                | to_item({":endedDag": ended.dag_id, ":endedRun": ended.run_id})
                | {f":{name}": value for name, value in lock_attributes(holder, self.at()).items()},
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _why_not(self, servers: list[str], error: TransactionCancelled) -> LockHeld | VersionConflict:
        held = holders_in_the_way(servers, error.reasons)
        if held:
            return lock_held(held)
        return VersionConflict("A lock was released while it was taken over", sourceServerIds=servers)


def holders_in_the_way(servers: list[str], reasons: list[dict[str, Any]]) -> dict[str, Holder]:
    """From the reasons of a cancelled transaction, in the servers' order: who holds what we wanted."""
    return {
        server: holder_of(reason["Item"])
        for server, reason in zip(servers, reasons, strict=False)
        if reason.get("Code") == "ConditionalCheckFailed" and reason.get("Item")
    }


def lock_held(held: dict[str, Holder]) -> LockHeld:
    return LockHeld(
        f"{len(held)} server(s) belong to another run",
        holders={
            server: {"dagId": one.dag_id, "runId": one.run_id, "wave": one.wave, "since": one.since}
            for server, one in held.items()
        },
    )


def _values(holder: Holder) -> dict[str, Any]:
    return to_item({":dag": holder.dag_id, ":run": holder.run_id})
