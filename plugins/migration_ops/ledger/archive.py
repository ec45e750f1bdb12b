"""Copies ended migrations to S3; the items get a time to live only after the copy was read back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from migration_ops.aws.evidence_store import EvidenceMismatchError, EvidenceStore
from migration_ops.core.batches import in_groups
from migration_ops.core.documents import canonical, iso
from migration_ops.core.errors import MigrationError
from migration_ops.core.states import ARCHIVABLE
from migration_ops.ledger.items import KEY, from_item, key_of, to_item
from migration_ops.ledger.protocol import VersionConflictError
from migration_ops.ledger.stored_chain import StoredChain, read_chain
from migration_ops.ledger.table import TRANSACTION_ITEMS, Table, TransactionCancelledError

SECONDS_PER_DAY = 86_400


class NotArchivableError(MigrationError):
    """The migration has not ended, or its history is broken or unknown; nothing was changed in the table."""

    code = "NOT_ARCHIVABLE"
    hint = "Archive ended migrations only; run the history verifier on the others."


@dataclass(frozen=True)
class Archived:
    """One archived migration. ``expires_at`` is epoch seconds."""

    migration_id: str
    key: str
    sha256: str
    expires_at: int


@dataclass(frozen=True)
class Archive:
    """
    Archives migrations of one table.

    :param client: a boto3 DynamoDB client.
    :param store: where the copies go.
    :param ttl_days: how long the items stay in the table after the copy.
    """

    client: Any
    table_name: str
    store: EvidenceStore
    now: Callable[[], datetime]
    ttl_days: int

    def archive(self, migration_id: str) -> Archived:
        """Copies record and history to S3, reads the copy back, then sets ``expiresAt``. It can be repeated.

        A migration that is written again afterwards loses its ``expiresAt``. Its archived lines still expire; the
        record keeps their end (``archivedSequence``, ``archivedDigest``), so that the chain can be verified.

        :raises NotArchivableError: it has not ended, does not exist, or its chain is broken or could not be read.
        :raises EvidenceMismatchError: the copy is not what was written; nothing was changed in the table.
        :raises VersionConflictError: the migration was written in between.
        :raises MigrationError: S3 or DynamoDB refused, or did not answer.
        """
        table = Table(self.client, self.table_name)
        chain = read_chain(table, migration_id, self.now().timestamp())
        self._check(chain)
        body = canonical(_document(chain)).encode("utf-8", "surrogatepass")
        key = f"archive/{chain.text('wave')}/{migration_id}-v{chain.number('version')}.json"
        self.store.put(key, _document(chain))
        if self.store.get(key) != body:
            raise EvidenceMismatchError("The archive copy differs from the table", key=key)
        expires_at = self._expiry(chain)
        self._expire(table, chain, key, expires_at)
        return Archived(migration_id, key, hashlib.sha256(body).hexdigest(), expires_at)

    def _check(self, chain: StoredChain) -> None:
        record = chain.record
        if record is None or record.phase not in ARCHIVABLE:
            phase = record.phase.value if record else None
            raise NotArchivableError("The migration has not ended", migrationId=chain.migration_id, phase=phase)
        problems = chain.judged(self.store).problems
        if problems:
            raise NotArchivableError("The history is not whole", migrationId=chain.migration_id, problems=problems)

    def _expiry(self, chain: StoredChain) -> int:
        """Archiving the same state again does not change the expiry."""
        if chain.number("expiresAt") and chain.number("archivedSequence") == chain.number("historySequence"):
            return chain.number("expiresAt")
        return int(self.now().timestamp()) + self.ttl_days * SECONDS_PER_DAY

    def _expire(self, table: Table, chain: StoredChain, key: str, expires_at: int) -> None:
        """The record is first and conditional: lines must not expire if the record was written since."""
        lines = [_line_action(table.name, name, expires_at) for name in chain.lines]
        actions = [self._record_action(table.name, chain, key, expires_at), *lines]
        for group in in_groups(actions, TRANSACTION_ITEMS):
            try:
                table.transact(group, str(uuid4()))
            except TransactionCancelledError as error:
                raise VersionConflictError(
                    "The migration was written while it was archived", migrationId=chain.migration_id
                ) from error

    def _record_action(self, table_name: str, chain: StoredChain, key: str, expires_at: int) -> dict[str, Any]:
        values = {
            "expiresAt": expires_at,
            "archiveKey": key,
            "archivedAt": iso(self.now()),
            "archivedSequence": chain.number("historySequence"),
            "archivedDigest": chain.text("historyDigest"),
        }
        return {
            "Update": {
                "TableName": table_name,
                "Key": key_of(chain.migration_id),
                "UpdateExpression": "SET " + ", ".join(f"{name} = :{name}" for name in values),
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": to_item(
                    {f":{name}": value for name, value in values.items()} | {":version": chain.number("version")}
                ),
            }
        }


def _line_action(table_name: str, key: str, expires_at: int) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": table_name,
            "Key": key_of(key),
            "UpdateExpression": "SET expiresAt = :expires",
            "ConditionExpression": f"attribute_exists({KEY})",
            "ExpressionAttributeValues": to_item({":expires": expires_at}),
        }
    }


def _document(chain: StoredChain) -> dict[str, Any]:
    """Record and lines with all attributes, so that a restore gives the same items and the chain can be verified."""
    return {
        "record": from_item(chain.item or {}),
        "history": [from_item(item) for item in chain.lines.values()],
    }
