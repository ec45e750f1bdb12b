"""What there is to verify: the migrations (from records and from lines), their last lines, and the locks."""

from __future__ import annotations

from dataclasses import dataclass, field

from migration_ops.ledger.items import KEY, Item, history_key, lock_key, number_of, text_of
from migration_ops.ledger.judgement import WHOLE, Judgement, broken
from migration_ops.ledger.stored_chain import StoredChain
from migration_ops.ledger.table import Table, package_errors

_LOCK = lock_key("")
_ATTRIBUTES = (
    "historyOf",
    "historySequence",
    "expiresAt",
    "dagId",
    "runId",
    "nonce",
    "airflow",
    "lockedFor",
    "takenFrom",
)


@dataclass
class Survey:
    """
    What was found in the table.

    :param migrations: ids from records and from lines: a deleted record must not hide its history.
    :param last_lines: the highest line number in the table, by migration; only when the whole table was read.
    :param locks: lock items by server.
    """

    is_whole_table: bool = False
    migrations: set[str] = field(default_factory=set)
    last_lines: dict[str, int] = field(default_factory=dict)
    locks: dict[str, Item] = field(default_factory=dict)

    def take(self, item: Item, now_seconds: float) -> None:
        key = text_of(item, KEY)
        is_expired = 0 < number_of(item, "expiresAt") < now_seconds
        if key.startswith(_LOCK):
            self.locks[key.removeprefix(_LOCK)] = item
        elif "historyOf" in item and not is_expired:
            name, _, number = key.rpartition("#")
            self.migrations.add(name)
            self.last_lines[name] = max(self.last_lines.get(name, 0), int(number) if number.isdigit() else 0)
        elif "historySequence" in item:
            self.migrations.add(key)

    def beyond(self, chain: StoredChain) -> Judgement:
        """Broken when there are lines after the record's last one: then the record was set back."""
        last, end = self.last_lines.get(chain.migration_id, 0), chain.number("historySequence")
        if chain.item is None or last <= end:
            return WHOLE
        return broken(f"{history_key(chain.migration_id, last)}: is there, but the record ends at line {end}")


def whole_table(table: Table, now_seconds: float) -> Survey:
    """All migrations, last lines and locks of the table, by a consistent scan.

    :raises MigrationError: DynamoDB refused, or did not answer.
    """
    survey = Survey(is_whole_table=True)
    pages = table.client.get_paginator("scan").paginate(
        TableName=table.name,
        ProjectionExpression=", ".join([KEY, *(f"#{name}" for name in _ATTRIBUTES)]),
        ExpressionAttributeNames={f"#{name}": name for name in _ATTRIBUTES},
        ConsistentRead=True,
    )
    with package_errors(mutating=False):
        for item in (item for page in pages for item in page["Items"]):
            survey.take(item, now_seconds)
    return survey


def of_wave(table: Table, wave: str, anchored: set[str]) -> Survey:
    """The wave's records from the index, and the migrations that were anchored in the wave.

    :raises MigrationError: DynamoDB refused, or did not answer.
    """
    items = table.query("wave-status-index", "#hash = :hash", {"#hash": "wave"}, {":hash": wave})
    return Survey(migrations={text_of(item, KEY) for item in items} | anchored)
