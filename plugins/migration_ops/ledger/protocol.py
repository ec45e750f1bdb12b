"""The ledger's documents, and what a store must implement (docs/adr/0004-ledger-layout.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from migration_ops.core.errors import MigrationError
from migration_ops.core.frozen import changed
from migration_ops.core.states import STATUS_OF, Phase, Status


@dataclass(frozen=True)
class Intent:
    """One mutating action on one server, written before it is sent.

    ``intent_id`` is the same for all servers of one call and travels as a tag of the MGN job.
    ``outcome`` is None until the job was judged: ``LAUNCHED``, ``FAILED``, ``STALE_SNAPSHOT``, ``TERMINATED``.
    """

    action: str
    intent_id: str
    attempt: int
    written_at: str
    job_id: str | None = None
    outcome: str | None = None


@dataclass(frozen=True)
class Record:
    """One migration: the item under key ``migrationId``. Times are ISO 8601 UTC."""

    migration_id: str
    wave: str
    app_name: str
    source_server_id: str
    phase: Phase
    version: int = 0
    correlation_id: str | None = None
    dag_run_id: str | None = None
    job_id: str | None = None
    instance_id: str | None = None
    replication_lag_seconds: float | None = None
    intents: dict[str, Intent] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    error_code: str | None = None
    error_message: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    # The last history line: the chain continues without a read, and a deleted last line is found.
    history_sequence: int = 0
    history_digest: str = ""

    @property
    def status(self) -> Status:
        return STATUS_OF[self.phase]

    def to(self, phase: Phase, **changes: Any) -> Record:
        """A copy in another phase; the store checks the transition and the version when it is written."""
        return changed(self, phase=phase, **changes)


@dataclass(frozen=True)
class HistoryEntry:
    """
    One line of a migration's hash-chained history. ``digest`` covers the line and its predecessor's digest.

    :param record_digest: digest of the record's attributes after this write; empty in lines of earlier releases.
    :param holder: who held the server's lock at this write (``dagId, runId, nonce, airflow``); None without a lock.
    """

    migration_id: str
    sequence: int
    at: str
    phase: str
    event: str
    detail: dict[str, Any]
    previous_digest: str
    digest: str
    record_digest: str = ""
    holder: dict[str, str] | None = None


@dataclass(frozen=True)
class Holder:
    """
    Who holds a server: one DAG run. A run id is not enough: the run can be deleted and its id used again, and another
    Airflow can use the same ids.

    :param nonce: unique for this run, and unchanged when the run is cleared or retried. Empty in locks of earlier
        releases.
    :param airflow: base URL of the run's Airflow.
    """

    dag_id: str
    run_id: str
    wave: str
    since: str | None = None
    nonce: str = ""
    airflow: str = ""

    def is_same_run(self, other: Holder) -> bool:
        """Whether the lock that this was read from is held by the run ``other``."""
        is_same_id = (self.dag_id, self.run_id) == (other.dag_id, other.run_id)
        return is_same_id and (not self.nonce or (self.nonce, self.airflow) == (other.nonce, other.airflow))

    @property
    def identity(self) -> dict[str, str]:
        """As in lock items and history lines; empty members are left out."""
        named = {"dagId": self.dag_id, "runId": self.run_id, "nonce": self.nonce, "airflow": self.airflow}
        return {name: value for name, value in named.items() if value}


class VersionConflictError(MigrationError):
    """Somebody else wrote the migration in between; read again and decide again."""

    code = "VERSION_CONFLICT"
    hint = "The task tries again by itself."
    retryable = True


class LockHeldError(MigrationError):
    """The server belongs to another run."""

    code = "LOCK_HELD"
    hint = "Wait for the other run to end, or stop it; its locks are taken over when it has ended."


class Ledger(Protocol):
    """The store. Every method is one or a few conditional, all-or-nothing writes, or plain reads."""

    def read(self, migration_ids: list[str]) -> dict[str, Record]:
        """The records that exist, by migration id; consistent reads."""

    def write(
        self,
        old: list[Record],
        new: list[Record],
        event: str,
        detail: dict[str, Any] | None = None,
        holder: Holder | None = None,
    ) -> list[Record]:
        """Writes ``new`` over ``old`` (same order, same ids; ``old`` version 0 = must not exist), each with one
        history line.

        All in one transaction where they fit (≤ 100 items), else in transactions of whole servers. With ``holder``
        each server's lock must be free or the holder's own; it is taken in the same transaction.
        Returns the records as stored (version + 1).

        :raises IllegalTransitionError, VersionConflictError, LockHeldError:
        """

    def history(self, migration_id: str) -> list[HistoryEntry]:
        """All history lines in order."""

    def histories(self, migration_ids: list[str]) -> dict[str, list[HistoryEntry]]:
        """All history lines of each of these migrations, in order; an empty list for one that does not exist."""

    def locks(self, source_server_ids: list[str]) -> dict[str, Holder]:
        """Who holds which of these servers; free ones are absent."""

    def take_over(self, source_server_ids: list[str], ended: Holder, holder: Holder) -> None:
        """Moves locks from a run that has ended; conditional on ``ended`` still being the holder."""

    def release(self, source_server_ids: list[str], holder: Holder) -> None:
        """Frees the locks that ``holder`` holds; others are left alone."""

    def by_wave(self, wave: str) -> list[Record]:
        """All migrations of a wave (GSI wave-status-index, eventually consistent)."""

    def by_app(self, app_name: str) -> list[Record]:
        """All migrations of an application (GSI app-status-index, eventually consistent)."""

    def by_status(self, status: Status, updated_before: str | None = None) -> list[Record]:
        """All migrations in a status, or only those last updated before a time (GSI status-timestamp-index)."""
