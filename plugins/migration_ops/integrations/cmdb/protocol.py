"""What the package needs from a CMDB: a small protocol with plain values. docs/cmdb.md says how to add another CMDB."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Literal, Protocol

from migration_ops.core.verdict import GateResult
from migration_ops.integrations.cmdb.identity import Identity


class WaveStatus(StrEnum):
    """The status of a wave; no other value is allowed."""

    NOT_STARTED = "Not started"
    PLANNING = "Planning"
    IN_PROGRESS = "In progress"
    COMPLETED = "Completed"
    BLOCKED = "Blocked"


Outcome = Literal["written", "unchanged"]


@dataclass(frozen=True)
class CmdbServer:
    """A server that the CMDB should know. ``cmdb_id`` None: the conf names none.

    :param identity: what the record must match; None: it is not compared.
    """

    migration_id: str
    cmdb_id: str | None
    source_server_id: str
    identity: Identity | None = None


@dataclass(frozen=True)
class CmdbUpdate:
    """The desired values of one server's record. None leaves a value as it is, ``""`` removes it.

    :param identity: what the record must match before it is written; None: it is not compared.
    :param wave_status: a value of :class:`WaveStatus` for the wave that the server belongs to.
    """

    migration_id: str
    cmdb_id: str | None
    migration_status: str | None = None
    replication_status: str | None = None
    target_instance_id: str | None = None
    wave_status: str | None = None
    identity: Identity | None = None


@dataclass(frozen=True)
class CmdbResult:
    """What an update did, and the record's values as read back.

    :param sends: how many writes were sent; 0 when nothing had to be changed.
    """

    migration_id: str
    cmdb_id: str
    outcome: Outcome
    read_back: dict[str, Any] = field(default_factory=dict)
    sends: int = 0

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


class Cmdb(Protocol):
    """A CMDB. All methods may be called from several threads; none of them rolls anything back."""

    def probe(self) -> GateResult:
        """Whether it answers and the login works. OK, BLOCKED (refused) or UNKNOWN (no answer); never raises."""

    def find(self, servers: list[CmdbServer]) -> dict[str, GateResult]:
        """Whether it knows each server exactly once and would let a migration update it; never raises.

        Keyed by ``cmdb_id``; a server without one is BLOCKED under its ``migration_id``.
        """

    def update(self, server: CmdbUpdate) -> CmdbResult:
        """Brings the record to the values in ``server``, with one write for it (and one for its wave) if necessary.

        Reads first, writes only a difference, reads back. Idempotent: clearing and calling again is safe.

        :raises CmdbUnavailableError: no usable answer within the limited retries.
        :raises CmdbRefusedError: refused, or the conf names no ``cmdbId``.
        :raises CmdbNotFoundError: the id, or its wave, does not exist.
        :raises CmdbMismatchError: accepted, but the record read back has other values.
        """
