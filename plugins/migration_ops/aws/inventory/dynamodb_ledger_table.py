"""The ledger's table: its protection against loss and its encryption. Its items are not read."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``tables``: ``name, arn, recovery`` (point-in-time), ``deletionProtection, keyType`` (absent: AWS's own key)."""
    name = reader.settings.table_name
    return {"tables": [{"name": name, **_table(reader, name), "recovery": _recovery(reader, name)}]}


def _table(reader: AwsReader, name: str) -> dict[str, Any]:
    answer = reader.call("dynamodb", "describe_table", TableName=name)
    if is_failed(answer):
        return dict.fromkeys(("arn", "deletionProtection", "keyType"), answer)
    table = answer.get("Table", {})
    encryption = table.get("SSEDescription", {})
    return {
        "arn": table.get("TableArn"),
        "deletionProtection": table.get("DeletionProtectionEnabled"),
        "keyType": encryption.get("SSEType") if encryption.get("Status") in ("ENABLED", "UPDATING") else None,
    }


def _recovery(reader: AwsReader, name: str) -> Any:
    answer = reader.call("dynamodb", "describe_continuous_backups", TableName=name)
    if is_failed(answer):
        return answer
    backups = answer.get("ContinuousBackupsDescription", {})
    return backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")


# The lists that checks are about.
TABLES = Listing("ledger_table", "tables", read)
