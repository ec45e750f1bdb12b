"""A migration's record and history lines as they are in the table, for reading, verifying and archiving."""

from __future__ import annotations

from dataclasses import dataclass

from migration_ops.aws.evidence_store import EvidenceStore
from migration_ops.core.errors import InvalidInputError
from migration_ops.ledger.archived_copies import read_copies
from migration_ops.ledger.chain import ArchivedUntil, entry_of, verify
from migration_ops.ledger.items import Item, history_key, number_of, record_of, text_of
from migration_ops.ledger.judgement import WHOLE, Judgement, broken
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.ledger.record_digest import record_digest
from migration_ops.ledger.table import Table

EXPIRES = "expiresAt"


@dataclass(frozen=True)
class StoredChain:
    """
    One migration in the table.

    :param item: the record's item, None when there is none.
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
        return number_of(self.item, name)

    def text(self, name: str) -> str:
        return text_of(self.item, name)

    def completed(self, store: EvidenceStore | None) -> tuple[StoredChain, Judgement]:
        """
        The chain with archived lines in place of expired ones, and what is wrong with the archive.

        :param store: where the archive is; None: archived lines are unknown.
        :raises InvalidInputError: an item is malformed.
        """
        if self.item is None or not self.number("archivedSequence"):
            return self, WHOLE
        copies = read_copies(self.migration_id, self.item, store)
        differing = [
            f"{key}: differs from its archive copy"
            for key, item in self.lines.items()
            if key in copies.lines and text_of(item, "digest") != text_of(copies.lines[key], "digest")
        ]
        merged = dict(sorted((copies.lines | self.lines).items()))
        return StoredChain(self.migration_id, self.item, merged), copies.judgement + broken(*differing)

    def judged(self, store: EvidenceStore | None = None) -> Judgement:
        """
        Whether record and lines are whole. Archived lines are read from the archive, not just assumed.

        A malformed record is reported as broken, not raised: one bad item must not hide the others.
        """
        try:
            whole, judgement = self.completed(store)
            record = whole.record
            if record is None:
                return broken(f"{self.migration_id}: the record is gone, its history is not")
            digest = record_digest(self.item or {})
        except InvalidInputError as error:
            return broken(f"{self.migration_id}: {error}")
        after = ArchivedUntil()
        if judgement.problems and not whole.has_lines_until(self.number("archivedSequence")):
            # Without the archive the lines after the archived ones can still be verified.
            after = ArchivedUntil(self.number("archivedSequence"), self.text("archivedDigest"))
        return judgement + broken(*verify(whole.entries, record, digest, after), *self._made_to_expire())

    def _made_to_expire(self) -> list[str]:
        """Lines or records that expire without being archived: DynamoDB would delete the only copy."""
        archived = self.number("archivedSequence")
        expiring = [
            entry.sequence for entry, item in zip(self.entries, self.lines.values(), strict=True) if EXPIRES in item
        ]
        wrong = [
            f"{history_key(self.migration_id, sequence)}: expires, but is not archived"
            for sequence in expiring
            if sequence > archived
        ]
        if self.item and EXPIRES in self.item and archived != self.number("historySequence"):
            wrong.append(f"{self.migration_id}: the record expires, but is not archived")
        return wrong

    def has_lines_until(self, sequence: int) -> bool:
        return sum(entry.sequence <= sequence for entry in self.entries) >= sequence


def read_chain(table: Table, migration_id: str, now_seconds: float) -> StoredChain:
    """See :func:`read_chains`."""
    return read_chains(table, [migration_id], now_seconds)[migration_id]


def read_chains(table: Table, migration_ids: list[str], now_seconds: float) -> dict[str, StoredChain]:
    """Records and lines of these migrations, by consistent reads of 100 items per call.

    Lines whose time to live is over count as deleted: DynamoDB deletes them only days later.
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
    """The keys of all lines and of one more, so that a record that was set back is found."""
    return [history_key(migration_id, number) for number in range(1, number_of(item, "historySequence") + 2)]


def _is_expired(item: Item, now_seconds: float) -> bool:
    return EXPIRES in item and number_of(item, EXPIRES) < now_seconds
