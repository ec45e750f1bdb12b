"""Locks: a server belongs to one running wave. Each lock is a conditional item ``server#<id>``.

A lock is taken in the transaction that writes the record (``dynamodb.py``). This module has the actions for it, and
reads, takes over (from a run that has ended) and releases locks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from migration_ops.core.batches import in_groups
from migration_ops.ledger.items import holder_of, key_of, lock_attributes, lock_key, to_item
from migration_ops.ledger.protocol import Holder, LockHeldError, VersionConflictError
from migration_ops.ledger.table import TRANSACTION_ITEMS, Table, TransactionCancelledError

Action = dict[str, Any]

# In a lock that was taken over, until its new holder writes: the previous holder, as in that run's last line.
TAKEN_FROM = "takenFrom"
# What identifies the run that holds a lock. A lock of an earlier release has no nonce: then the ids decide.
_NAMES = {"#dagId": "dagId", "#runId": "runId", "#nonce": "nonce"}


def _is_held_by(holder: Holder, prefix: str) -> str:
    """The condition of :meth:`Holder.is_same_run`; its values are :func:`_values`, its names :func:`_names`."""
    ids = f"#dagId = :{prefix}dagId AND #runId = :{prefix}runId"
    if not holder.nonce:
        return f"({ids} AND attribute_not_exists(#nonce))"
    airflow = f"#airflow = :{prefix}airflow" if holder.airflow else "attribute_not_exists(#airflow)"
    return f"({ids} AND (attribute_not_exists(#nonce) OR (#nonce = :{prefix}nonce AND {airflow})))"


def _names(*holders: Holder) -> dict[str, str]:
    """Only the names that are used: DynamoDB refuses a name that no expression uses."""
    return _NAMES | ({"#airflow": "airflow"} if any(one.nonce for one in holders) else {})


def _values(holder: Holder, prefix: str) -> dict[str, Any]:
    named = {name: value for name, value in holder.identity.items() if holder.nonce or name != "airflow"}
    return to_item({f":{prefix}{name}": value for name, value in named.items()})


def take_action(table: str, source_server_id: str, holder: Holder, at: str) -> Action:
    """Takes the lock when it is free; keeps it, with its ``since``, when the holder has it already."""
    identity = _values(holder, "")
    sets = ", ".join(f"#{name[1:]} = {name}" for name in identity)
    names = {"#for": "lockedFor", "#since": "since", "#taken": TAKEN_FROM}
    return {
        "Update": {
            "TableName": table,
            "Key": key_of(lock_key(source_server_id)),
            "UpdateExpression": f"SET {sets}, #for = :for, #since = if_not_exists(#since, :since) REMOVE #taken",
            "ConditionExpression": f"attribute_not_exists(#dagId) OR {_is_held_by(holder, '')}",
            "ExpressionAttributeNames": _names(holder) | names,
            "ExpressionAttributeValues": identity | to_item({":for": holder.wave, ":since": at}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


@dataclass(frozen=True)
class Locks:
    """The lock items of one table. ``at`` returns the current time in the ledger's format."""

    table: Table
    at: Callable[[], str]

    def read(self, source_server_ids: list[str]) -> dict[str, Holder]:
        """Who holds which server (BatchGetItem, consistent); free ones are absent."""
        keys = {lock_key(one): one for one in source_server_ids}
        items = self.table.get(list(keys))
        return {keys[key]: holder_of(item) for key, item in items.items()}

    def take_over(self, source_server_ids: list[str], ended: Holder, holder: Holder) -> None:
        """Moves locks from ``ended`` to ``holder``; those that ``holder`` has already stay.

        :raises LockHeldError: a third run holds one of them.
        :raises VersionConflictError: one of them was released in between; take it by writing.
        """
        for servers in in_groups(list(dict.fromkeys(source_server_ids)), TRANSACTION_ITEMS):
            actions = [self._take_over_action(one, ended, holder) for one in servers]
            try:
                self.table.transact(actions, str(uuid4()))
            except TransactionCancelledError as error:
                raise self._why_not(servers, error) from error

    def release(self, source_server_ids: list[str], holder: Holder) -> None:
        """Frees what ``holder`` holds; other runs' locks are left alone. Releasing twice is no error."""
        for servers in in_groups(list(dict.fromkeys(source_server_ids)), TRANSACTION_ITEMS):
            self._release(servers, holder)

    def _release(self, servers: list[str], holder: Holder) -> None:
        try:
            self._delete(servers, holder)
        except TransactionCancelledError:
            # One is free or another run's.
            self._release_held(servers, holder)

    def _release_held(self, servers: list[str], holder: Holder) -> None:
        try:
            self._delete(self._held(servers, holder), holder)
        except TransactionCancelledError:
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
                "ConditionExpression": _is_held_by(holder, ""),
                "ExpressionAttributeNames": _names(holder),
                "ExpressionAttributeValues": _values(holder, ""),
            }
        }

    def _take_over_action(self, source_server_id: str, ended: Holder, holder: Holder) -> Action:
        new = lock_attributes(holder, self.at())
        sets = ", ".join(f"{name} = :{name}" for name in new)
        # If the previous holder took it over and never wrote, the one before stays noted: only that one has a line.
        sets += f", {TAKEN_FROM} = if_not_exists({TAKEN_FROM}, :taken)"
        absent = [name for name in ("nonce", "airflow") if name not in new]
        return {
            "Update": {
                "TableName": self.table.name,
                "Key": key_of(lock_key(source_server_id)),
                "UpdateExpression": f"SET {sets}" + (f" REMOVE {', '.join(absent)}" if absent else ""),
                "ConditionExpression": f"{_is_held_by(ended, 'ended')} OR {_is_held_by(holder, '')}",
                "ExpressionAttributeNames": _names(ended, holder),
                "ExpressionAttributeValues": _values(ended, "ended")
                | {f":{name}": new[name] for name in new}
                | to_item({":taken": ended.identity}),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _why_not(self, servers: list[str], error: TransactionCancelledError) -> LockHeldError | VersionConflictError:
        held = holders_in_the_way(servers, error.reasons)
        if held:
            return lock_held(held)
        return VersionConflictError("A lock was released while it was taken over", sourceServerIds=servers)


def holders_in_the_way(servers: list[str], reasons: list[dict[str, Any]]) -> dict[str, Holder]:
    """Who holds which of these servers, from the reasons of a cancelled transaction, in the servers' order."""
    return {
        server: holder_of(reason["Item"])
        for server, reason in zip(servers, reasons, strict=False)
        if reason.get("Code") == "ConditionalCheckFailed" and reason.get("Item")
    }


def lock_held(held: dict[str, Holder]) -> LockHeldError:
    return LockHeldError(
        f"{len(held)} server(s) belong to another run",
        holders={server: {**one.identity, "wave": one.wave, "since": one.since} for server, one in held.items()},
    )
