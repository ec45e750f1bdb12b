"""What preflight asks CMF, judged: does it answer, does it know each server, and may MGN work on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from migration_ops.core.verdict import Check, Verdict
from migration_ops.integrations.cmdb.protocol import CmdbServer
from migration_ops.integrations.errors import CmdbNotFound, CmdbRefused, CmdbUnavailable

MIGRATED_BY_MGN = "Rehost"
ReadItem = Callable[[str, str], dict[str, Any]]


def judge_probe(list_waves: Callable[[], Any]) -> Check:
    """OK when the waves could be listed; a refusal is BLOCKED, no usable answer is UNKNOWN."""

    def check(verdict: Verdict, value: Any = None, reason: str = "") -> Check:
        return Check("CMDB reachable", "cmdb", verdict, value, "login works, waves can be listed", reason)

    try:
        waves = list_waves()
    except CmdbRefused as error:
        return check(Verdict.BLOCKED, reason=_told(error))
    except CmdbUnavailable as error:
        return check(Verdict.UNKNOWN, reason=_told(error))
    if not isinstance(waves, list):
        return check(Verdict.UNKNOWN, reason="the CMDB answered something that is no list of waves")
    return check(Verdict.OK, {"waves": len(waves)})


def judge_servers(servers: list[CmdbServer], read: ReadItem) -> dict[str, Check]:
    """One check per server, keyed by ``cmdb_id`` (by ``migration_id`` where there is none).

    :param read: reads (schema, id) or raises CmdbUnavailable / CmdbRefused / CmdbNotFound.
    """
    seen = Counter(server.cmdb_id for server in servers if server.cmdb_id)
    records = _Records(read)
    checks: dict[str, Check] = {}
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
    """Each record is read once; after one lost answer nothing more is asked, for 200 servers times retries is long."""

    def __init__(self, read: ReadItem) -> None:
        self._read = read
        self._kept: dict[tuple[str, str], dict[str, Any] | CmdbNotFound] = {}
        self._lost: CmdbUnavailable | None = None

    def get(self, schema: str, item_id: str) -> dict[str, Any]:
        key = (schema, item_id)
        if key not in self._kept:
            if self._lost:
                raise self._lost
            try:
                self._kept[key] = self._read(schema, item_id)
            except CmdbNotFound as error:
                self._kept[key] = error
            except CmdbUnavailable as error:
                self._lost = error
                raise
        found = self._kept[key]
        if isinstance(found, CmdbNotFound):
            raise found
        return found


def _judged(server: CmdbServer, cmdb_id: str, records: _Records) -> Check:
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
    except CmdbRefused as error:
        return _check(server, Verdict.BLOCKED, value, _told(error))
    except CmdbUnavailable as error:
        return _check(server, Verdict.UNKNOWN, value, _told(error))
    return _check(server, Verdict.OK, value)


def _check(server: CmdbServer, verdict: Verdict, value: Any = None, reason: str = "") -> Check:
    limit = f"known once, r_type {MIGRATED_BY_MGN}, in an application and a wave"
    return Check("CMDB record", server.migration_id, verdict, value, limit, reason)


def _told(error: CmdbRefused | CmdbUnavailable) -> str:
    about = error.context.get("reason") or error.context.get("status") or error.context.get("cause")
    return f"{error.message}: {about}" if about else error.message
