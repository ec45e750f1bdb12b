"""Whether and by which attribute DynamoDB deletes items of the ledger's table."""

from __future__ import annotations

from typing import Any

from migration_ops.aws.reader import AwsReader
from migration_ops.core.facts import is_failed
from migration_ops.core.listing import Listing


def read(reader: AwsReader) -> dict[str, Any]:
    """``tables``: the ledger's, with ``name``, ``status`` (ENABLED, DISABLED, ENABLING, DISABLING), ``attribute``."""
    name = reader.settings.table_name
    answer = reader.call("dynamodb", "describe_time_to_live", TableName=name)
    if is_failed(answer):
        return {"tables": answer}
    found = answer["TimeToLiveDescription"]
    return {"tables": [{"name": name, "status": found["TimeToLiveStatus"], "attribute": found.get("AttributeName")}]}


# The lists that checks are about.
TABLES = Listing("ledger_expiry", "tables", read)
