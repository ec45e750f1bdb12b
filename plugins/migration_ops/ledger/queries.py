"""Migrations in progress and frozen ones, from the ledger's status index; the table is never scanned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.states import Status
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record

ACTIVE = (Status.REQUESTED, Status.MIGRATION_IN_PROGRESS)
# There may be many of these, and only their number is needed.
COUNTED = (Status.COMPLETED, Status.FAILED, Status.ROLLED_BACK)
INDEX = "status-timestamp-index"
MESSAGE_CHARACTERS = 300


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``active`` and ``frozen``: ``name`` (migration id), ``wave, appName, sourceServerId, status, phase, updatedAt,
    minutesSinceUpdate, errorCode, errorMessage, dagRunId``.

    ``summary``: one entry, ``counts`` by status and ``servers [{name, migrations}]`` with migrations in progress.
    """
    reads: list[Callable[[], Any]] = [
        partial(migrations, reader, ACTIVE),
        partial(migrations, reader, (Status.FROZEN,)),
        *(partial(_count, reader, status) for status in COUNTED),
    ]
    active, frozen, *numbers = side_by_side(reads, lambda read_it: read_it())
    return {"active": active, "frozen": frozen, "summary": _summary(active, frozen, numbers)}


def migrations(reader: AwsReader, statuses: tuple[Status, ...]) -> Any:
    """All migrations in these statuses as documents, or the document of the failure."""
    ledger = DynamoDbLedger(reader.client("dynamodb"), reader.settings.table_name)
    return reader.guarded(
        "dynamodb:query",
        lambda: [_document(one, reader.now) for status in statuses for one in ledger.by_status(status)],
    )


def _document(record: Record, now: datetime) -> dict[str, Any]:
    return {
        "name": record.migration_id,
        "wave": record.wave,
        "appName": record.app_name,
        "sourceServerId": record.source_server_id,
        "status": record.status.value,
        "phase": record.phase.value,
        "updatedAt": record.updated_at,
        "minutesSinceUpdate": _minutes(record.updated_at, now),
        "errorCode": record.error_code,
        "errorMessage": (record.error_message or "")[:MESSAGE_CHARACTERS],
        "dagRunId": record.dag_run_id,
    }


def _minutes(text: str | None, now: datetime) -> float | None:
    try:
        return round((now - datetime.fromisoformat(text or "")).total_seconds() / 60, 1)
    except (ValueError, TypeError):
        return None


def _count(reader: AwsReader, status: Status) -> Any:
    def counted() -> int:
        pages = (
            reader.client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=reader.settings.table_name,
                IndexName=INDEX,
                KeyConditionExpression="#status = :status",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues={":status": {"S": status.value}},
                Select="COUNT",
            )
        )
        return sum(page["Count"] for page in pages)

    return reader.guarded("dynamodb:query", counted)


def _summary(active: Any, frozen: Any, numbers: list[Any]) -> Any:
    unread = next((one for one in (active, frozen, *numbers) if is_failed(one)), None)
    if unread is not None:
        return unread
    counts = {status.value: sum(one["status"] == status for one in [*active, *frozen]) for status in Status}
    counts |= {status.value: number for status, number in zip(COUNTED, numbers, strict=True)}
    by_server: dict[str, list[str]] = {}
    for one in active:
        by_server.setdefault(one["sourceServerId"], []).append(one["name"])
    servers = [{"name": server, "migrations": ids} for server, ids in sorted(by_server.items())]
    return [{"counts": counts, "servers": servers}]


# The lists that checks are about.
LISTED_ACTIVE = Listing("ledger", "active", read)
FROZEN = Listing("ledger", "frozen", read)
SUMMARY = Listing("ledger", "summary", read)
