"""How migrations ended, in the window and in the window before: from the ledger's status index, without a scan."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.documents import is_rehearsal_wave, iso
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.states import ENDED, STATUS_OF, Status
from migration_ops.ledger.items import from_item

Migration = dict[str, Any]

ENDED_STATUSES = tuple(sorted({STATUS_OF[phase] for phase in ENDED}))
INDEX = "status-timestamp-index"
_ATTRIBUTES = ("migrationId", "wave", "status", "errorCode", "createdAt", "updatedAt")
# How many migrations of one error code a report names.
NAMED = 20


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``waves``: for each wave in which something ended ``name, ended, completed, byStatus, medianMinutes`` (None if
    nothing completed) and ``beforeMedianMinutes`` (of all that completed in the window before; None for none).
    ``errors``: for each error code ``name, now, before, migrations`` (at most 20). ``totals``: ``now`` and ``before``
    by status.

    A migration counts in the window in which its item was last written; its duration is from creation to then. The
    recovery drill's rehearsals are left out: they always end in a rollback.
    """
    answers = reader.map(ENDED_STATUSES, lambda status: {"items": _ended(reader, status)})
    unread = next((one["items"] for one in answers if is_failed(one["items"])), None)
    if unread is not None:
        return {"waves": unread, "errors": unread, "totals": unread}
    items = [item for one in answers for item in one["items"]]
    summed: dict[str, Any] = reader.guarded("dynamodb:query", lambda: _summed(items, iso(reader.since)))
    return {"waves": summed, "errors": summed, "totals": summed} if is_failed(summed) else summed


def _ended(reader: AwsReader, status: Status) -> Any:
    return reader.pages(
        "dynamodb",
        "query",
        "Items",
        TableName=reader.settings.table_name,
        IndexName=INDEX,
        KeyConditionExpression="#status = :status AND #updatedAt >= :since",
        ProjectionExpression=", ".join(f"#{name}" for name in _ATTRIBUTES),
        ExpressionAttributeNames={f"#{name}": name for name in _ATTRIBUTES},
        ExpressionAttributeValues={
            ":status": {"S": status.value},
            ":since": {"S": iso(reader.since - reader.window)},
        },
    )


def _summed(items: list[Any], since: str) -> dict[str, Any]:
    """:raises KeyError: an item lacks a required attribute."""
    migrations = [one for one in map(from_item, items) if not is_rehearsal_wave(one["wave"])]
    now = [one for one in migrations if one["updatedAt"] >= since]
    before = [one for one in migrations if one["updatedAt"] < since]
    by_wave: dict[str, list[Migration]] = defaultdict(list)
    for one in now:
        by_wave[one["wave"]].append(one)
    usual = _median_minutes(before)
    return {
        "waves": [_wave(name, some) | {"beforeMedianMinutes": usual} for name, some in sorted(by_wave.items())],
        "errors": _errors(now, before),
        "totals": {"now": _by_status(now), "before": _by_status(before)},
    }


def _wave(name: str, migrations: list[Migration]) -> dict[str, Any]:
    counts = _by_status(migrations)
    return {
        "name": name,
        "ended": len(migrations),
        "completed": counts[Status.COMPLETED.value],
        "byStatus": counts,
        "medianMinutes": _median_minutes(migrations),
    }


def _by_status(migrations: Iterable[Migration]) -> dict[str, int]:
    """The number for every ended status, 0 included: every status was read."""
    counted = Counter(one["status"] for one in migrations)
    return {status.value: counted[status.value] for status in ENDED_STATUSES}


def _median_minutes(migrations: Iterable[Migration]) -> float | None:
    """Median of those that completed: the time of failed ones does not show how fast the work is."""
    spans = [
        (datetime.fromisoformat(one["updatedAt"]) - datetime.fromisoformat(one["createdAt"])) / timedelta(minutes=1)
        for one in migrations
        if one["status"] == Status.COMPLETED
    ]
    return round(median(spans), 1) if spans else None


def _errors(now: list[Migration], before: list[Migration]) -> list[dict[str, Any]]:
    ids: dict[str, list[str]] = defaultdict(list)
    for one in now:
        if one["status"] != Status.COMPLETED:
            ids[_code(one)].append(one["migrationId"])
    old = Counter(_code(one) for one in before if one["status"] != Status.COMPLETED)
    return [
        {"name": code, "now": len(ids[code]), "before": old[code], "migrations": sorted(ids[code])[:NAMED]}
        for code in sorted(set(ids) | set(old))
    ]


def _code(migration: Migration) -> str:
    return str(migration.get("errorCode") or "NO_ERROR_CODE")


# The lists that checks are about.
ERRORS = Listing("ledger_outcomes", "errors", read)
WAVES = Listing("ledger_outcomes", "waves", read)
