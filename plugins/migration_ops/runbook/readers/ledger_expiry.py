"""Whether and by which attribute DynamoDB deletes items of the ledger's table."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import Reader
from migration_ops.core.facts import is_failed


def read(reader: Reader) -> dict[str, Any]:
    """``tables``: the one, with ``name``, ``status`` (ENABLED, DISABLED, or on the way there) and ``attribute``."""
    name = reader.settings.table_name
    answer = reader.call("dynamodb", "describe_time_to_live", TableName=name)
    if is_failed(answer):
        return {"tables": answer}
    found = answer["TimeToLiveDescription"]
    return {"tables": [{"name": name, "status": found["TimeToLiveStatus"], "attribute": found.get("AttributeName")}]}
