"""A migration with two archive copies, on a table in memory."""

from __future__ import annotations

import json
from typing import Any

from include.simulation.table import MemoryTable, TableClient
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import Phase
from migration_ops.ledger.archived_copies import read_copies
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import Item, from_item, history_key, to_value
from migration_ops.ledger.stored_chain import StoredChain, read_chain
from migration_ops.ledger.table import Table
from tests.ledger.builders import Clock, a_holder, a_record

NAME = "mig-web001"


class Archive:
    """The evidence store: a document, or an error, by key."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.asked: list[str] = []

    def get(self, key: str) -> str:
        self.asked.append(key)
        found = self.documents[key]
        if isinstance(found, MigrationError):
            raise found
        return found if isinstance(found, str) else json.dumps(found)


class Archived:
    """A migration of four lines: archived after the second as ``archive/2``, after the fourth as ``archive/4``."""

    def __init__(self) -> None:
        self.clock, self.store = Clock(), Archive()
        self.memory = MemoryTable(lambda: self.clock().timestamp())
        ledger = DynamoDbLedger(TableClient(self.memory), "migration-state", self.clock)
        [record] = ledger.write([a_record()], [a_record()], "registered")
        for number, phase in enumerate((Phase.TEST_LAUNCHING, Phase.TEST_LAUNCHED, Phase.TESTED), 2):
            [record] = ledger.write([record], [record.to(phase)], "on", holder=a_holder())
            if number in (2, 4):
                self._archive(number, since=1 if number == 2 else 3)

    def _archive(self, number: int, since: int) -> None:
        lines = [from_item(self.memory.items[history_key(NAME, one)]) for one in range(since, number + 1)]
        record = from_item(self.item)
        self.store.documents[f"archive/{number}"] = {"record": record, "history": lines}
        noted = {
            "archivedSequence": number,
            "archivedDigest": record["historyDigest"],
            "archiveKey": f"archive/{number}",
        }
        self.memory.items[NAME] = self.item | {name: to_value(value) for name, value in noted.items()}

    @property
    def chain(self) -> StoredChain:
        return read_chain(Table(TableClient(self.memory), "migration-state"), NAME, self.clock().timestamp())

    @property
    def item(self) -> Item:
        return self.memory.items[NAME]

    def edit(self, **attributes: Any) -> None:
        """Of the record in the last copy."""
        self.store.documents["archive/4"]["record"] |= attributes

    def read(self, **attributes: Any) -> Any:
        store: Any = self.store
        return read_copies(NAME, self.item | {name: to_value(one) for name, one in attributes.items()}, store)
