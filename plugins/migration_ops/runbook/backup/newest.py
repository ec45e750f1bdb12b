"""The newest verified backup of the ledger, by its mark, which is bound to its manifest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.errors import UnknownError
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """
    ``tables``: one, the ledger's, with ``name`` and of its newest verified backup ``ageHours``, ``at`` (the moment that
    it shows) and ``base`` (its prefix). Without one ``ageHours`` is None, and there is ``tableAgeHours``; and, when no
    backup ever held an item, ``emptyAgeHours`` of the newest backup.
    """
    found = reader.guarded("newest verified backup", lambda: _newest(reader))
    name = reader.settings.table_name
    return {"tables": found if is_failed(found) else [{"name": name, **found}]}


def _newest(reader: AwsReader) -> dict[str, Any]:
    """:raises UnknownError: there is no bucket to look into."""
    # Imported late: DAG files, which only name checks, are parsed all the time.
    from migration_ops.runbook.backup.earlier import newest_of_nothing
    from migration_ops.runbook.backup.keys import found_in, table_prefix
    from migration_ops.runbook.backup.store import BackupStore
    from migration_ops.runbook.backup.verify import newest_verified

    bucket = reader.config.resources.backup_bucket or reader.settings.evidence_bucket
    if not bucket:
        raise UnknownError("no bucket for backups is set", path="MIGRATION_OPS_EVIDENCE_BUCKET")
    owner = reader.config.resources.owner_of_backups(reader.settings)
    store, name = BackupStore(reader.client("s3"), bucket, owner=owner), reader.settings.table_name
    found, _ = found_in(store.objects(table_prefix(name)))
    newest = newest_verified(store, found)
    if newest is None:
        table = reader.client("dynamodb").describe_table(TableName=name)["Table"]
        nothing = newest_of_nothing(store, found)
        empty = {"emptyAgeHours": _hours(reader, nothing[1].age_from)} if nothing else {}
        return {"ageHours": None, "tableAgeHours": _hours(reader, table["CreationDateTime"]), **empty}
    base, manifest = newest
    return {"ageHours": _hours(reader, manifest.age_from), "at": manifest.consistent_at, "base": base}


def _hours(reader: AwsReader, at: datetime) -> float:
    return round((reader.now - at).total_seconds() / 3600, 2)


TABLES = Listing("backups", "tables", read)
