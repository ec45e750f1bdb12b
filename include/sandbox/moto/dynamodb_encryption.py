"""A table's encryption with a KMS key as DynamoDB has it.

moto 5.2.5 does not understand CloudFormation's ``SSEEnabled``, and ignores ``SSESpecification`` of UpdateTable.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler


def install() -> None:
    """Patches moto in this process; a second call changes nothing."""
    if getattr(Table, "_encrypts", False):
        return
    Table.__init__ = _understanding(Table.__init__)
    DynamoHandler.update_table = _encrypting(DynamoHandler.update_table)
    Table._encrypts = True


def _understanding(original: Callable[..., None]) -> Callable[..., None]:
    @wraps(original)
    def made(self: Table, *args: Any, sse_specification: dict[str, Any] | None = None, **kwargs: Any) -> None:
        given = dict(sse_specification or {})
        if "SSEEnabled" in given:
            given["Enabled"] = str(given.pop("SSEEnabled")).lower() == "true"
        original(self, *args, sse_specification=given or None, **kwargs)

    return made


def _encrypting(original: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(original)
    def update_table(self: DynamoHandler) -> Any:
        given = self.body.get("SSESpecification")
        if given:
            table = self.dynamodb_backend.get_table(self.body["TableName"])
            key = given.get("KMSMasterKeyId") or table._get_default_encryption_key(table.account_id, table.region_name)
            table.sse_specification = given | {"KMSMasterKeyId": key}
        return original(self)

    return update_table
