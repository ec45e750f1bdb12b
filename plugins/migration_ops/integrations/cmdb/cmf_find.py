"""Preflight checks of CMF: does it answer, does it know each server, and is the server to be rehosted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from migration_ops.core.verdict import GateResult, Verdict
from migration_ops.integrations.cmdb.protocol import CmdbServer
from migration_ops.integrations.errors import CmdbNotFoundError, CmdbRefusedError, CmdbUnavailableError

MIGRATED_BY_MGN = "Rehost"
ReadItem = Callable[[str, str], dict[str, Any]]
NOT_ITS_RECORD = "neither the record's name nor its wave fits the server: it is another server's"


def names_of(record: dict[str, Any]) -> list[Any]:
    """The host names in a server's record."""
    return [record.get("server_name"), record.get("server_fqdn")]


def judge_probe(list_waves: Callable[[], Any]) -> GateResult:
    """OK when the waves could be listed; BLOCKED when CMF refused; UNKNOWN without a usable answer."""

    def check(verdict: Verdict, value: Any = None, reason: str = "") -> GateResult:
        return GateResult("CMDB reachable", "cmdb", verdict, value, "login works, waves can be listed", reason)

    try:
        waves = list_waves()
    except CmdbRefusedError as error:
        return check(Verdict.BLOCKED, reason=_told(error))
    except CmdbUnavailableError as error:
        return check(Verdict.UNKNOWN, reason=_told(error))
    if not isinstance(waves, list):
        return check(Verdict.UNKNOWN, reason="the CMDB answered something that is no list of waves")
    return check(Verdict.OK, {"waves": len(waves)})


def judge_servers(servers: list[CmdbServer], read: ReadItem) -> dict[str, GateResult]:
    """One check per server, keyed by ``cmdb_id`` (by ``migration_id`` if there is none).

    :param read: reads (schema, id), or raises CmdbUnavailableError, CmdbRefusedError or CmdbNotFoundError.
    """
    seen = Counter(server.cmdb_id for server in servers if server.cmdb_id)
    records = _Records(read)
    checks: dict[str, GateResult] = {}
    for server in servers:
        if not server.cmdb_id:
            checks[server.migration_id] = _check(server, Verdict.BLOCKED, reason="no cmdbId in the conf")
        elif seen[server.cmdb_id] > 1:
            checks[server.cmdb_id] = _check(
                server, Verdict.BLOCKED, reason="two servers of this wave name the same cmdbId"
            )
        else:
            checks[server.cmdb_id] = _judged(server, server.cmdb_id, records)
    return checks


class _Records:
    """Reads each record once. After one lost answer nothing more is read: retries for 200 servers would take long."""

    def __init__(self, read: ReadItem) -> None:
        self._read = read
        self._kept: dict[tuple[str, str], dict[str, Any] | CmdbNotFoundError] = {}
        self._lost: CmdbUnavailableError | None = None

    def get(self, schema: str, item_id: str) -> dict[str, Any]:
        key = (schema, item_id)
        if key not in self._kept:
            if self._lost:
                raise self._lost
            try:
                self._kept[key] = self._read(schema, item_id)
            except CmdbNotFoundError as error:
                self._kept[key] = error
            except CmdbUnavailableError as error:
                self._lost = error
                raise
        found = self._kept[key]
        if isinstance(found, CmdbNotFoundError):
            raise found
        return found


def _judged(server: CmdbServer, cmdb_id: str, records: _Records) -> GateResult:
    value: dict[str, Any] = {"serverId": cmdb_id}
    try:
        record = records.get("server", cmdb_id)
        value |= {"serverName": record.get("server_name"), "rType": record.get("r_type")}
        if record.get("r_type") != MIGRATED_BY_MGN:
            return _check(server, Verdict.BLOCKED, value, "CMF's r_type says that this server is not rehosted")
        value["appId"] = record.get("app_id")
        if not value["appId"]:
            return _check(server, Verdict.BLOCKED, value, "the server belongs to no application in the CMDB")
        app = records.get("app", str(value["appId"]))
        value |= {"appName": app.get("app_name"), "waveId": app.get("wave_id")}
        if not value["waveId"]:
            return _check(server, Verdict.BLOCKED, value, "the server's application belongs to no wave in the CMDB")
        wave = records.get("wave", str(value["waveId"]))
        value |= {"waveName": wave.get("wave_name"), "waveStatus": wave.get("wave_status")}
        if server.identity and not server.identity.fits(names_of(record), lambda: wave.get("wave_name")):
            return _check(server, Verdict.BLOCKED, value, NOT_ITS_RECORD)
    except CmdbRefusedError as error:
        return _check(server, Verdict.BLOCKED, value, _told(error))
    except CmdbUnavailableError as error:
        return _check(server, Verdict.UNKNOWN, value, _told(error))
    return _check(server, Verdict.OK, value)


def _check(server: CmdbServer, verdict: Verdict, value: Any = None, reason: str = "") -> GateResult:
    limit = f"known once, r_type {MIGRATED_BY_MGN}, in an application and a wave, name or wave as ours"
    return GateResult("CMDB record", server.migration_id, verdict, value, limit, reason)


def _told(error: CmdbRefusedError | CmdbUnavailableError) -> str:
    about = error.context.get("reason") or error.context.get("status") or error.context.get("cause")
    return f"{error.message}: {about}" if about else error.message
