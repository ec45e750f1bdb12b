"""How long each phase of the waves took, from the histories of migrations that ended in the window."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from migration_ops.aws.mgn.servers import moment
from migration_ops.aws.reader import AwsReader
from migration_ops.core.documents import is_rehearsal_wave, iso
from migration_ops.core.errors import UnknownError
from migration_ops.core.listing import Listing
from migration_ops.core.states import ENDED, NOT_TIMED, STATUS_OF, Status
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.items import record_of
from migration_ops.ledger.protocol import HistoryEntry, Record
from migration_ops.ledger.table import Table

ENDED_STATUSES = tuple(sorted({STATUS_OF[phase] for phase in ENDED}))
INDEX = "status-timestamp-index"
# Each history has tens of lines; of more migrations only the newest are read.
MAX_MIGRATIONS = 2_000


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``waves``: ``name, migrations, isSample`` and ``steps [{phase, isWaiting, seconds, migrationId, total}]``: for each
    phase the longest time of one migration, which migration, and how many migrations were in it.
    """
    return {"waves": reader.guarded("dynamodb:query", lambda: _waves(reader))}


def _waves(reader: AwsReader) -> list[dict[str, Any]]:
    """:raises MigrationError: DynamoDB refused or did not answer, or an item is malformed."""
    client, name = reader.client("dynamodb"), reader.settings.table_name
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


def ended_since(table: Table, status: Status, reader: AwsReader) -> list[Record]:
    """Migrations in this status that were last written in the window, without the drill's rehearsals."""
    items = table.query(
        INDEX,
        "#status = :status AND #updated >= :since",
        {"#status": "status", "#updated": "updatedAt"},
        {":status": status.value, ":since": iso(reader.since)},
    )
    return [record for record in map(record_of, items) if not is_rehearsal_wave(record.wave)]


def _steps(histories: dict[str, list[HistoryEntry]]) -> list[dict[str, Any]]:
    stays: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for migration_id, history in histories.items():
        for phase, seconds in seconds_by_phase(history).items():
            stays[phase].append((seconds, migration_id))
    return [
        {
            "phase": phase,
            "isWaiting": phase in {one.value for one in NOT_TIMED},
            "seconds": max(some)[0],
            "migrationId": max(some)[1],
            "total": len(some),
        }
        for phase, some in sorted(stays.items())
    ]


def seconds_by_phase(history: Iterable[HistoryEntry]) -> dict[str, float]:
    """Seconds in each phase that the migration left again, summed over all its stays.

    :raises UnknownError: a line has no readable time.
    """
    spent: dict[str, float] = defaultdict(float)
    for this, following in pairwise(history):
        begun, ended = moment(this.at), moment(following.at)
        if begun is None or ended is None:
            raise UnknownError("a history line has no time", migrationId=this.migration_id, sequence=this.sequence)
        spent[this.phase] += (ended - begun).total_seconds()
    return {phase: round(seconds, 1) for phase, seconds in spent.items()}


# The lists that checks are about.
WAVES = Listing("ledger_durations", "waves", read)
