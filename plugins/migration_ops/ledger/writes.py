"""The actions of one ledger write: per server the record, its history line and, with a holder, the lock."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from migration_ops.core.batches import in_groups
from migration_ops.core.errors import MigrationError
from migration_ops.core.frozen import changed
from migration_ops.core.states import Phase, check_transition
from migration_ops.ledger.chain import entry_item, next_entry
from migration_ops.ledger.items import KEY, RECORD_ATTRIBUTES, Item, document_of, from_item, key_of, to_item
from migration_ops.ledger.locks import holders_in_the_way, lock_held, take_action
from migration_ops.ledger.protocol import HistoryEntry, Holder, Record, VersionConflictError
from migration_ops.ledger.record_digest import digest_to_be
from migration_ops.ledger.table import TRANSACTION_BYTES, TRANSACTION_ITEMS, TransactionCancelledError

Action = dict[str, Any]

# A record of at most 400 KB (DynamoDB's limit of an item), a history line of at most 8 KB of detail, and a lock.
MOST_BYTES_OF_A_CHANGE = 450_000
# On the item, not part of Record: identifies the call of write(), so that our own write differs from an equal one.
WRITE_TOKEN = "writeToken"  # noqa: S105 - an attribute's name


@dataclass(frozen=True)
class Write:
    """What all records of one call share. ``at`` is in the ledger's format, ``now_seconds`` the same time as epoch."""

    table: str
    event: str
    detail: dict[str, Any]
    holder: Holder | None
    at: str
    now_seconds: int
    token: str


@dataclass(frozen=True)
class Change:
    """One server's part of a write. ``actions``: the record, its history line, and the lock if there is a holder."""

    old: Record
    new: Record
    actions: list[Action]

    @property
    def size(self) -> int:
        return len(str(self.actions))


def change_of(old: Record, new: Record, write: Write) -> Change:
    """The actions for one record, and the record as it will be stored."""
    stored = changed(
        new,
        version=old.version + 1,
        created_at=old.created_at or write.at,
        updated_at=write.at,
        history_sequence=old.history_sequence + 1,
    )
    document = document_of(stored)
    holder = write.holder.identity if write.holder else None
    entry = next_entry(old, write.at, new.phase.value, write.event, write.detail, digest_to_be(document), holder)
    stored = changed(stored, history_digest=entry.digest)
    document["historyDigest"] = entry.digest
    actions = [_record_action(old, document, write), _history_action(entry, write)]
    if write.holder is not None:
        actions.append(take_action(write.table, new.source_server_id, write.holder, write.at))
    return Change(old, stored, actions)


def _record_action(old: Record, document: dict[str, Any], write: Write) -> Action:
    """An update, not a put: the archive's notes on the item stay. ``expiresAt`` is removed: the migration continues."""
    present = to_item({**document, WRITE_TOKEN: write.token})
    update, names = _update_of(tuple(present))
    condition, condition_values = _condition(old)
    return {
        "Update": {
            "TableName": write.table,
            "Key": key_of(old.migration_id),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": dict(names),
            "ExpressionAttributeValues": {f":{name}": value for name, value in present.items()} | condition_values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }


@lru_cache(maxsize=256)
def _update_of(present: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """The update that sets these attributes and removes all others of a record; and the names in it."""
    absent = sorted((RECORD_ATTRIBUTES | {"expiresAt"}) - set(present))
    sets = ", ".join(f"#{name} = :{name}" for name in present)
    removes = ", ".join(f"#{name}" for name in absent)
    return f"SET {sets} REMOVE {removes}", {f"#{name}": name for name in [*present, *absent]}


def _history_action(entry: HistoryEntry, write: Write) -> Action:
    return {
        "Put": {
            "TableName": write.table,
            "Item": entry_item(entry),
            # DynamoDB may delete expired items only days later: an expired line counts as deleted.
            "ConditionExpression": "attribute_not_exists(#key) OR #expires < :now",
            "ExpressionAttributeNames": {"#key": KEY, "#expires": "expiresAt"},
            "ExpressionAttributeValues": to_item({":now": write.now_seconds}),
        }
    }


def _condition(old: Record) -> tuple[str, Item]:
    if old.version == 0:
        return "attribute_not_exists(#version)", {}
    values = {":oldVersion": old.version, ":oldPhase": old.phase.value, ":oldDigest": old.history_digest}
    return "#version = :oldVersion AND #phase = :oldPhase AND #historyDigest = :oldDigest", to_item(values)


def check_pairs(old: list[Record], new: list[Record], holder: Holder | None) -> None:
    ids = [record.migration_id for record in new]
    if not new or ids != [record.migration_id for record in old] or len(set(ids)) != len(ids):
        raise ValueError("write() needs the same migrations in the same order, each once, and at least one")
    servers = [record.source_server_id for record in new]
    if holder is not None and (len(set(servers)) != len(servers) or not all(servers)):
        raise ValueError("with a holder every migration needs a server of its own")


def check_step(old: Record, new: Record) -> None:
    """A new record starts in PLANNED, or in a phase that may follow it.

    :raises IllegalTransitionError: the phase may not follow.
    """
    check_transition(new.migration_id, old.phase if old.version else Phase.PLANNED, new.phase)


def transactions_of(changes: list[Change]) -> list[list[Change]]:
    """The changes of each transaction: whole servers, as many as the limits of number and size allow."""
    most = TRANSACTION_ITEMS // len(changes[0].actions)
    # A few changes fit together whatever is in them, and need not be measured.
    if len(changes) * MOST_BYTES_OF_A_CHANGE > TRANSACTION_BYTES:
        most = min(most, TRANSACTION_BYTES // max(change.size for change in changes))
    return in_groups(changes, max(1, most))


def refusal(group: list[Change], error: TransactionCancelledError, *, with_locks: bool) -> MigrationError:
    """The error of a cancelled write. Locks first: another holder explains a version conflict."""
    per_server = len(group[0].actions)
    reasons = error.reasons
    if with_locks:
        servers = [change.new.source_server_id for change in group]
        held = holders_in_the_way(servers, reasons[per_server - 1 :: per_server])
        if held:
            return lock_held(held)
    conflicts = {
        change.new.migration_id: _what_is_there(reasons[index * per_server : (index + 1) * per_server])
        for index, change in enumerate(group)
    }
    return VersionConflictError(
        "The ledger changed in between",
        expected={one.new.migration_id: one.old.version for one in group if conflicts[one.new.migration_id]},
        found={name: found for name, found in conflicts.items() if found},
    )


def _what_is_there(reasons: list[dict[str, Any]]) -> str:
    """What was found in place of the expected record of one server; empty when none of its conditions failed."""
    failed = [reason for reason in reasons if reason.get("Code") not in (None, "None")]
    if not failed:
        return ""
    item = reasons[0].get("Item")
    if item:
        document = from_item(item)
        return f"version {document.get('version')} in {document.get('phase')}"
    return f"{failed[0].get('Code')}: {failed[0].get('Message') or 'no record, or its history line exists'}"
