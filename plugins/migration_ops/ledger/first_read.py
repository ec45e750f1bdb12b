"""A ledger whose first read was made already: the records are passed on instead of being read again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migration_ops.core.states import Status
from migration_ops.ledger.protocol import HistoryEntry, Holder, Ledger, Record


class FirstRead(Ledger):
    """
    Answers the first read of exactly these records from memory; everything else goes to the store.

    After any write every read goes to the store. If others changed the records meanwhile, the next write fails, because
    it is conditional on their version.

    :param store: the ledger.
    :param records: as they were read just before.
    """

    def __init__(self, store: Ledger, records: Iterable[Record]) -> None:
        self._store = store
        self._records: dict[str, Record] | None = {one.migration_id: one for one in records}

    def read(self, migration_ids: list[str]) -> dict[str, Record]:
        known = self._records
        if known is not None and set(migration_ids) == set(known):
            self._records = None
            return known
        return self._store.read(migration_ids)

    def write(
        self,
        old: list[Record],
        new: list[Record],
        event: str,
        detail: dict[str, Any] | None = None,
        holder: Holder | None = None,
    ) -> list[Record]:
        self._records = None
        return self._store.write(old, new, event=event, detail=detail, holder=holder)

    def history(self, migration_id: str) -> list[HistoryEntry]:
        return self._store.history(migration_id)

    def histories(self, migration_ids: list[str]) -> dict[str, list[HistoryEntry]]:
        return self._store.histories(migration_ids)

    def locks(self, source_server_ids: list[str]) -> dict[str, Holder]:
        return self._store.locks(source_server_ids)

    def take_over(self, source_server_ids: list[str], ended: Holder, holder: Holder) -> None:
        self._store.take_over(source_server_ids, ended, holder)

    def release(self, source_server_ids: list[str], holder: Holder) -> None:
        self._store.release(source_server_ids, holder)

    def by_wave(self, wave: str) -> list[Record]:
        return self._store.by_wave(wave)

    def by_app(self, app_name: str) -> list[Record]:
        return self._store.by_app(app_name)

    def by_status(self, status: Status, updated_before: str | None = None) -> list[Record]:
        return self._store.by_status(status, updated_before)
