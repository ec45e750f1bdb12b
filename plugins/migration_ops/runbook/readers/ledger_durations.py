"""How long each step of the waves took: the histories of migrations that ended in the window, found by index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from migration_ops.aws.mgn.servers import moment
from migration_ops.aws.reader import Reader
from migration_ops.core.documents import iso
from migration_ops.core.errors import Unknown
from migration_ops.core.states import ENDED, STATUS_OF, Phase, Status
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import record_of
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.ledger.table import Table

ENDED_STATUSES = tuple(sorted({STATUS_OF[phase] for phase in ENDED}))
INDEX = "status-timestamp-index"
# In these a person, a window or another application is waited for; their length says nothing about the machinery.
WAITING = frozenset({Phase.PLANNED, Phase.READY, Phase.CUTOVER_VERIFIED}) | ENDED
# Their histories are tens of lines each; beyond, the newest are looked at.
MAX_MIGRATIONS = 2_000


def read(reader: Reader) -> dict[str, Any]:
    """
    ``waves``: ``name, migrations, isSample`` and ``steps [{phase, isWaiting, seconds, migrationId, total}]``: of each
    phase the longest stay of one migration, whose it was, and how many migrations were in it.
    """
    return {"waves": reader.attempt("dynamodb:query", lambda: _waves(reader))}


def _waves(reader: Reader) -> list[dict[str, Any]]:
    """:raises MigrationError: DynamoDB cannot say, or an item is malformed."""
    client, name = reader.of("dynamodb"), reader.settings.table_name
    found = [record for status in ENDED_STATUSES for record in ended_since(Table(client, name), status, reader)]
    newest = sorted(found, key=lambda one: one.updated_at or "", reverse=True)[:MAX_MIGRATIONS]
    histories = DynamoDbLedger(client, name).histories([one.migration_id for one in newest])
    by_wave: dict[str, list[Record]] = defaultdict(list)
    for one in newest:
        by_wave[one.wave].append(one)
    return [
        {
            "name": wave,
            "migrations": len(records),
            "isSample": len(found) > MAX_MIGRATIONS,
            "steps": _steps({one.migration_id: histories[one.migration_id] for one in records}),
        }
        for wave, records in sorted(by_wave.items())
    ]


def ended_since(table: Table, status: Status, reader: Reader) -> list[Record]:
    """Migrations of an ended status that were last written in the window."""
    items = table.query(
        INDEX,
        "#status = :status AND #updated >= :since",
        {"#status": "status", "#updated": "updatedAt"},
        {":status": status.value, ":since": iso(reader.since)},
    )
    return [record_of(item) for item in items]


def _steps(histories: dict[str, list[HistoryEntry]]) -> list[dict[str, Any]]:
    stays: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for migration_id, history in histories.items():
        for phase, seconds in seconds_by_phase(history).items():
            stays[phase].append((seconds, migration_id))
    return [
        {
            "phase": phase,
            "isWaiting": phase in {one.value for one in WAITING},
            "seconds": max(some)[0],
            "migrationId": max(some)[1],
            "total": len(some),
        }
        for phase, some in sorted(stays.items())
    ]


def seconds_by_phase(history: Iterable[HistoryEntry]) -> dict[str, float]:
    """Seconds in each phase that was left again, all stays added up.

    :raises Unknown: a line has no time that can be read.
    """
    spent: dict[str, float] = defaultdict(float)
    for this, following in pairwise(history):
        begun, ended = moment(this.at), moment(following.at)
        if begun is None or ended is None:
            raise Unknown("a history line has no time", migrationId=this.migration_id, sequence=this.sequence)
        spent[this.phase] += (ended - begun).total_seconds()
    return {phase: round(seconds, 1) for phase, seconds in spent.items()}
