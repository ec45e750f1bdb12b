"""The ledger in DynamoDB (docs/adr/0004-ledger-layout.md). Writes are conditional, all-or-nothing transactions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from migration_ops.aws.evidence_store import Store, within_limits
from migration_ops.core.documents import iso
from migration_ops.core.errors import MigrationError, OutcomeUnknownError
from migration_ops.core.states import Status
from migration_ops.ledger.items import from_item, record_of, same_format
from migration_ops.ledger.locks import Locks
from migration_ops.ledger.protocol import HistoryEntry, Holder, Record
from migration_ops.ledger.stored_chain import read_chains
from migration_ops.ledger.table import Table, TransactionCancelledError
from migration_ops.ledger.writes import (
    WRITE_TOKEN,
    Change,
    Write,
    change_of,
    check_pairs,
    check_step,
    refusal,
    transactions_of,
)


class DynamoDbLedger:
    """:class:`~migration_ops.ledger.protocol.Ledger` over a boto3 DynamoDB client.

    :param client: ``boto3.client("dynamodb")``.
    :param evidence: where details over 8 KB go; without it they are truncated, and marked so.
    """

    def __init__(
        self,
        client: Any,
        table_name: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        evidence: Store | None = None,
    ) -> None:
        self._table = Table(client, table_name)
        self._now = now
        self._evidence = evidence
        self._locks = Locks(self._table, lambda: iso(now()))

    def read(self, migration_ids: list[str]) -> dict[str, Record]:
        """The records that exist (BatchGetItem, consistent).

        :raises InvalidInputError: an item that this package did not write.
        """
        return {name: record_of(item) for name, item in self._table.get(migration_ids).items()}

    def write(
        self,
        old: list[Record],
        new: list[Record],
        event: str,
        detail: dict[str, Any] | None = None,
        holder: Holder | None = None,
    ) -> list[Record]:
        """See :meth:`Ledger.write`. 33 servers with their locks, or 50 without, are one TransactWriteItems.

        When several transactions are needed and one fails, those before it stay; the error's context then names
        ``written`` and ``notWritten`` migrations.

        :raises ValueError: no records, or records that do not belong together.
        :raises IllegalTransitionError: a phase may not follow the current one.
        :raises VersionConflictError: somebody else wrote a record in between.
        :raises LockHeldError: a server belongs to another run.
        :raises OutcomeUnknownError: the answer was lost and the table does not show it; read before writing again.
        """
        check_pairs(old, new, holder)
        for before, after in zip(old, new, strict=True):
            check_step(before, after)
        plan = self._plan(old[0], event, detail or {}, holder)
        changes = [change_of(before, after, plan) for before, after in zip(old, new, strict=True)]
        written: list[Record] = []
        for group in transactions_of(changes):
            try:
                self._write_together(group, plan)
            except MigrationError as error:
                if len(group) < len(changes):
                    error.context["written"] = [record.migration_id for record in written]
                    error.context["notWritten"] = [one.migration_id for one in new[len(written) :]]
                raise
            written += [change.new for change in group]
        return written

    def history(self, migration_id: str) -> list[HistoryEntry]:
        """All lines in order, as stored; also one after the record's last line, which ``chain.verify`` reports."""
        return self.histories([migration_id])[migration_id]

    def histories(self, migration_ids: list[str]) -> dict[str, list[HistoryEntry]]:
        """As :meth:`history`, for many migrations in few reads."""
        chains = read_chains(self._table, migration_ids, self._now().timestamp())
        return {migration_id: chain.entries for migration_id, chain in chains.items()}

    def locks(self, source_server_ids: list[str]) -> dict[str, Holder]:
        """Who holds which of these servers; free ones are absent."""
        return self._locks.read(source_server_ids)

    def take_over(self, source_server_ids: list[str], ended: Holder, holder: Holder) -> None:
        """Moves locks from a run that has ended.

        :raises LockHeldError: a third run holds one of them.
        :raises VersionConflictError: one of them was released in between.
        """
        self._locks.take_over(source_server_ids, ended, holder)

    def release(self, source_server_ids: list[str], holder: Holder) -> None:
        """Frees the locks that ``holder`` holds; others are left alone."""
        self._locks.release(source_server_ids, holder)

    def by_wave(self, wave: str) -> list[Record]:
        """All migrations of a wave (GSI wave-status-index, eventually consistent)."""
        return self._query("wave-status-index", "#hash = :hash", {"#hash": "wave"}, {":hash": wave})

    def by_app(self, app_name: str) -> list[Record]:
        """All migrations of an application (GSI app-status-index, eventually consistent)."""
        return self._query("app-status-index", "#hash = :hash", {"#hash": "appName"}, {":hash": app_name})

    def by_status(self, status: Status, updated_before: str | None = None) -> list[Record]:
        """All migrations in a status (GSI status-timestamp-index, eventually consistent).

        :param updated_before: ISO 8601 with a zone.
        """
        names, values = {"#hash": "status"}, {":hash": status.value}
        if updated_before is None:
            return self._query("status-timestamp-index", "#hash = :hash", names, values)
        names["#updated"], values[":before"] = "updatedAt", same_format(updated_before)
        return self._query("status-timestamp-index", "#hash = :hash AND #updated < :before", names, values)

    def _query(self, index: str, condition: str, names: dict[str, str], values: dict[str, Any]) -> list[Record]:
        records = [record_of(item) for item in self._table.query(index, condition, names, values)]
        return sorted(records, key=lambda record: record.migration_id)

    def _plan(self, first: Record, event: str, detail: dict[str, Any], holder: Holder | None) -> Write:
        moment, token = self._now(), str(uuid4())
        at = iso(moment)
        # One object for all records of the call.
        kept = within_limits(detail, f"ledger/{at[:10]}/{first.migration_id}-{token}.json", self._evidence)
        return Write(self._table.name, event, kept, holder, at, int(moment.timestamp()), token)

    def _write_together(self, group: list[Change], plan: Write) -> None:
        actions = [action for change in group for action in change.actions]
        try:
            # A token per transaction: the same one with other content would be refused.
            self._table.transact(actions, str(uuid4()))
        except TransactionCancelledError as error:
            if not self._is_ours(group, plan.token):
                raise refusal(group, error, with_locks=plan.holder is not None) from error
        except OutcomeUnknownError:
            if not self._is_ours(group, plan.token):
                raise

    def _is_ours(self, group: list[Change], token: str) -> bool:
        """Whether the table shows this same write: its answer was lost, and botocore sent it again."""
        items = self._table.get([change.new.migration_id for change in group])
        return all(
            from_item(items.get(change.new.migration_id, {})).get(WRITE_TOKEN) == token
            and record_of(items[change.new.migration_id]).version == change.new.version
            for change in group
        )
