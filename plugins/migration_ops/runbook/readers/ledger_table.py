"""The ledger's table: how it is protected against loss and looks. Its items are not read."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed


def read(reader: Reader) -> dict[str, Any]:
    """``tables``: ``name, arn, recovery`` (point-in-time), ``deletionProtection, keyType`` (absent: AWS's own key)."""
    name = reader.settings.table_name
    return {"tables": [{"name": name, **_table(reader, name), "recovery": _recovery(reader, name)}]}


def _table(reader: Reader, name: str) -> dict[str, Any]:
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


def _recovery(reader: Reader, name: str) -> Any:
    answer = reader.call("dynamodb", "describe_continuous_backups", TableName=name)
    if is_failed(answer):
        return answer
    backups = answer.get("ContinuousBackupsDescription", {})
    return backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
