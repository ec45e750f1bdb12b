"""Finds locks that were edited: a lock and the history line written with it are one transaction, so they agree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from migration_ops.core.errors import InvalidInputError
from migration_ops.ledger.items import Item, from_item, holder_of
from migration_ops.ledger.judgement import WHOLE, Judgement, broken
from migration_ops.ledger.protocol import Record
from migration_ops.ledger.stored_chain import StoredChain


def of_locks(locks: dict[str, Item], chains: Iterable[StoredChain], *, is_whole_table: bool) -> Judgement:
    """
    Compares locks with the last lines of the migrations.

    :param locks: lock items by server.
    :param chains: the migrations that are checked. Unless these are all of the table, a lock that another wave holds is
        not judged: its lines are not here.
    """
    by_server: dict[str, list[tuple[Record, StoredChain]]] = defaultdict(list)
    for chain in chains:
        record = _record_of(chain)
        if record is not None:
            by_server[record.source_server_id].append((record, chain))
    judgement = WHOLE
    for server, item in sorted(locks.items()):
        owners = by_server.get(server, [])
        if is_whole_table or any(record.wave == holder_of(item).wave for record, _ in owners):
            judgement += _of_lock(server, item, [chain for _, chain in owners])
    return judgement


def _of_lock(server: str, item: Item, chains: list[StoredChain]) -> Judgement:
    written = [holder for chain in chains if (holder := _last_holder(chain)) is not None]
    lock = holder_of(item)
    if not written or lock.identity in written:
        note = f"server {server}: locked, and no line says by whom" if not written else ""
        return Judgement(notes=(note,)) if note else WHOLE
    by = f"{lock.dag_id} / {lock.run_id}"
    ended = from_item(item).get("takenFrom")
    if ended in written:
        taken = f"{ended.get('dagId')} / {ended.get('runId')}"
        return Judgement(notes=(f"server {server}: {by} took the lock over from {taken} and has not written since",))
    return broken(f"server {server}: the lock says {by}, its last line was written under another run's lock")


def _last_holder(chain: StoredChain) -> dict[str, Any] | None:
    return next((entry.holder for entry in reversed(chain.entries) if entry.holder is not None), None)


def _record_of(chain: StoredChain) -> Record | None:
    try:
        return chain.record
    except InvalidInputError:
        return None
