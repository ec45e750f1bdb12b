"""Ended migrations with a launch whose answer was lost and whose job MGN never showed: it may still take effect."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.batches import in_groups, side_by_side
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing
from migration_ops.core.states import Status
from migration_ops.ledger.dynamodb import DynamoDbLedger
from migration_ops.ledger.protocol import Record
from migration_ops.ledger.queries import ACTIVE
from migration_ops.ledger.replication import SERVERS_A_CALL, views_of

# Of these the ledger says that nothing runs. FROZEN has a check of its own.
_NOTHING_RUNS = (Status.ROLLED_BACK, Status.FAILED)
_LAUNCHES = frozenset({"START_TEST", "START_CUTOVER"})
# MGN answered, and started nothing.
_DEFINITE_NO = frozenset({"REFUSED", "NOT_NOW"})


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``servers``: ``name`` (source server id), ``migrationId, wave, appName, status, dagRunId, intents`` (ids),
    ``isListed`` and, for those that MGN lists, ``isArchived, lifecycleState``. A server whose migration goes on is left
    out: that one's tasks look after it.
    """
    found = reader.guarded("dynamodb:query", lambda: _records(reader))
    if is_failed(found):
        return {"servers": found}
    groups = in_groups(sorted(found), SERVERS_A_CALL)
    servers: list[dict[str, Any]] = []
    for ids, views in zip(groups, side_by_side(groups, lambda ids: views_of(reader, ids)), strict=True):
        servers += [_server(one, found[one], views) for one in ids]
    return {"servers": servers}


def _records(reader: AwsReader) -> dict[str, Record]:
    ledger = DynamoDbLedger(reader.client("dynamodb"), reader.settings.table_name)
    busy = {record.source_server_id for status in (*ACTIVE, Status.FROZEN) for record in ledger.by_status(status)}
    ended = [record for status in _NOTHING_RUNS for record in ledger.by_status(status)]
    lost = [record for record in ended if record.source_server_id not in busy and lost_intents(record)]
    return {record.source_server_id: record for record in sorted(lost, key=lambda one: one.updated_at or "")}


def lost_intents(record: Record) -> list[str]:
    """Ids of its launches of which nobody knows a job."""
    return sorted(
        intent.intent_id
        for action, intent in record.intents.items()
        if action in _LAUNCHES and not intent.job_id and intent.outcome not in _DEFINITE_NO
    )


def _server(server_id: str, record: Record, views: Any) -> dict[str, Any]:
    server = {
        "name": server_id,
        "migrationId": record.migration_id,
        "wave": record.wave,
        "appName": record.app_name,
        "status": record.status.value,
        "dagRunId": record.dag_run_id,
        "intents": lost_intents(record),
    }
    if is_failed(views):
        return server | {"isListed": views}
    seen = views.get(server_id, {})
    kept = {name: seen.get(name) for name in ("isArchived", "lifecycleState") if seen}
    return server | {"isListed": server_id in views} | kept


# The list that a check is about.
LOST = Listing("lost_launches", "servers", read)
