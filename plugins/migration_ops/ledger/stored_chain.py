"""A migration's record and history lines as they stand in the table, for reading, verifying and archiving."""

from __future__ import annotations

from dataclasses import dataclass

from migration_ops.core.errors import InvalidInput
from migration_ops.ledger.chain import entry_of, verify
from migration_ops.ledger.items import Item, from_value, history_key, record_of
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.ledger.table import Table


@dataclass(frozen=True)
class StoredChain:
    """:param item: the record's item, None when there is none.
    :param lines: the history items by key, in order.
    """

    migration_id: str
    item: Item | None
    lines: dict[str, Item]

    @property
    def record(self) -> Record | None:
        return record_of(self.item) if self.item else None

    @property
    def entries(self) -> list[HistoryEntry]:
        return [entry_of(item) for item in self.lines.values()]

    def number(self, name: str) -> int:
        """A whole-number attribute of the record's item, 0 when absent."""
        return _number(self.item, name)

    def text(self, name: str) -> str:
        return str(from_value(self.item[name])) if self.item and name in self.item else ""

    def problems(self) -> list[str]:
        """What ``chain.verify`` finds, the archived part taken as anchor.

        A record that cannot be read is a problem, not an exception: one bad item must not hide the others.
        """
        try:
            record = self.record
        except InvalidInput as error:
            return [f"{self.migration_id}: {error}"]
        if record is None:
            return [f"{self.migration_id}: the record is gone, its history is not"]
        return verify(self.entries, record, self.number("archivedSequence"), self.text("archivedDigest"))


def read_chain(table: Table, migration_id: str, now_seconds: float) -> StoredChain:
    """See :func:`read_chains`."""
    return read_chains(table, [migration_id], now_seconds)[migration_id]


def read_chains(table: Table, migration_ids: list[str], now_seconds: float) -> dict[str, StoredChain]:
    """Consistent reads of 100 items a call, however many migrations they belong to.

    Lines whose time to live is over count as deleted.
    """
    items = table.get(migration_ids)
    keys = {one: _line_keys(one, items.get(one)) for one in migration_ids}
    found = table.get([key for some in keys.values() for key in some])
    return {
        one: StoredChain(
            one,
            items.get(one),
            {key: found[key] for key in some if key in found and not _is_expired(found[key], now_seconds)},
        )
        for one, some in keys.items()
    }


def _line_keys(migration_id: str, item: Item | None) -> list[str]:
    """One beyond the end, so that a record that was set back is seen."""
    return [history_key(migration_id, number) for number in range(1, _number(item, "historySequence") + 2)]


def _number(item: Item | None, name: str) -> int:
    value = from_value(item[name]) if item and name in item else 0
    return value if isinstance(value, int) else 0


def _is_expired(item: Item, now_seconds: float) -> bool:
    return "expiresAt" in item and float(from_value(item["expiresAt"])) < now_seconds
