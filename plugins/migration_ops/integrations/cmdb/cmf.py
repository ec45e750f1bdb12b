"""Cloud Migration Factory as a CMDB (API 4.5): servers are found, updated with one PUT each, and read back.

A PUT has no condition: CMF reads, merges, validates and writes the whole item, so one of two concurrent PUTs is lost.
Therefore all attributes of a server go in one PUT, there is one PUT per item at a time, and every PUT is read back.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import requests
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from tenacity.wait import wait_base

from migration_ops.aws.session import clients_in
from migration_ops.core.errors import InstallationError
from migration_ops.core.verdict import GateResult
from migration_ops.integrations.cmdb.cmf_auth import (
    PROCESS_TOKENS,
    CognitoServiceAccount,
    Login,
    LoginEndpoint,
    TokenCache,
)
from migration_ops.integrations.cmdb.cmf_find import NOT_ITS_RECORD, judge_probe, judge_servers, names_of
from migration_ops.integrations.cmdb.cmf_http import CmfHttp
from migration_ops.integrations.cmdb.protocol import CmdbResult, CmdbServer, CmdbUpdate, Outcome, WaveStatus
from migration_ops.integrations.errors import CmdbMismatchError, CmdbRefusedError, CmdbUnavailableError

ATTEMPTS = 4
# One lock per item and CMF for all clients of this process.
_LOCKS: defaultdict[tuple[str, str, str], threading.Lock] = defaultdict(threading.Lock)
_LOCKS_GUARD = threading.Lock()


class CmfClient:
    """The CMF API as :class:`migration_ops.integrations.cmdb.protocol.Cmdb`.

    :param base_url: the User API with its stage.
    :param auth: how to log in.
    :param timeout_seconds: per request; a little over API Gateway's own time-out of 29 s.
    :param tokens: cache of tokens; by default one for the whole process.
    :param wait: pause before attempt n + 1 after a 5xx, a lost connection or a lost update.
    """

    def __init__(
        self,
        base_url: str,
        auth: Login,
        *,
        session: requests.Session | None = None,
        timeout_seconds: float = 35.0,
        tokens: TokenCache | None = None,
        wait: wait_base | None = None,
        attempts: int = ATTEMPTS,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._http = CmfHttp(
            self._base_url, auth, session or requests.Session(), tokens or PROCESS_TOKENS, timeout_seconds
        )
        self._wait = wait or wait_random_exponential(multiplier=0.5, max=15)
        self._attempts = attempts

    def probe(self) -> GateResult:
        """Logs in and lists the waves (the shortest list); OK only when the answer is a list."""
        return judge_probe(lambda: self._read("/user/wave"))

    def find(self, servers: list[CmdbServer]) -> dict[str, GateResult]:
        """Reads every server with its application and wave, each record once.

        One GET per record, not the list: CMF has no paging, and a list beyond 6 MB is answered with 502.
        """
        return judge_servers(servers, self.item)

    def item(self, schema: str, item_id: str) -> dict[str, Any]:
        """One ``server``, ``app`` or ``wave``.

        :raises CmdbUnavailableError, CmdbRefusedError, CmdbNotFoundError:
        """
        found = self._read(_path(schema, item_id))
        if not isinstance(found, dict):
            raise CmdbUnavailableError(f"the CMDB answered no {schema}", id=item_id)
        return found

    def update(self, server: CmdbUpdate) -> CmdbResult:
        """One PUT with what differs, then one for the wave's status if it is given and differs.

        Raises as :meth:`~migration_ops.integrations.cmdb.protocol.Cmdb.update`.
        """
        if server.cmdb_id is None:
            raise CmdbRefusedError("this server has no cmdbId in the conf", migrationId=server.migration_id)
        wave_status = _legal_wave_status(server.wave_status)
        self._require_its_record(server.cmdb_id, server)
        desired = {
            "migration_status": server.migration_status,
            "replication_status": server.replication_status,
            "target_instance_id": server.target_instance_id,
        }
        sends, item = self._converge("server", server.cmdb_id, desired)
        read_back = {name: item.get(name) for name in desired}
        if wave_status is not None:
            wave_sends, wave = self._update_wave(item, server, wave_status)
            sends += wave_sends
            read_back["wave_status"] = wave.get("wave_status")
        outcome: Outcome = "written" if sends else "unchanged"
        return CmdbResult(server.migration_id, server.cmdb_id, outcome, read_back, sends)

    def _require_its_record(self, cmdb_id: str, server: CmdbUpdate) -> None:
        """:raises CmdbRefusedError: the record is another server's; nothing was written."""
        if server.identity is None:
            return
        item = self.item("server", cmdb_id)
        if not server.identity.fits(names_of(item), lambda: self._wave_name_of(item)):
            raise CmdbRefusedError(
                NOT_ITS_RECORD, cmdbId=cmdb_id, migrationId=server.migration_id, serverName=item.get("server_name")
            )

    def _wave_name_of(self, item: dict[str, Any]) -> Any:
        app = self.item("app", str(item["app_id"])) if item.get("app_id") else {}
        return self.item("wave", str(app["wave_id"])).get("wave_name") if app.get("wave_id") else None

    def _update_wave(
        self, item: dict[str, Any], server: CmdbUpdate, wave_status: WaveStatus
    ) -> tuple[int, dict[str, Any]]:
        """A server's record names no wave: its application's record does."""
        app_id = item.get("app_id")
        wave_id = self.item("app", str(app_id)).get("wave_id") if app_id else None
        if not wave_id:
            raise CmdbRefusedError("this server belongs to no wave in the CMDB", cmdbId=server.cmdb_id, appId=app_id)
        return self._converge("wave", str(wave_id), {"wave_status": wave_status.value})

    def _converge(self, schema: str, item_id: str, desired: dict[str, str | None]) -> tuple[int, dict[str, Any]]:
        """Reads, writes the difference and reads back, until the item is as desired; returns (PUTs sent, item).

        Every attempt begins with a read: it shows whether a PUT without an answer was applied, or was overwritten,
        before anything is sent again.
        """
        sends = 0
        path = _path(schema, item_id)
        with _lock_of(self._base_url, schema, item_id):
            for attempt in self._retrying(CmdbUnavailableError, CmdbMismatchError):
                with attempt:
                    item = self._item_once(path)
                    changes = _differences(item, desired)
                    if changes:
                        sends += 1
                        self._http.send("PUT", path, changes)
                        item = self._item_once(path)
                        lost = _differences(item, desired)
                        if lost:
                            raise CmdbMismatchError(
                                "the update was accepted, and reading it back shows other values",
                                **{f"{schema}Id": item_id, "attributes": sorted(lost)},
                            )
        return sends, item

    def _item_once(self, path: str) -> dict[str, Any]:
        item = self._http.send("GET", path)
        if not isinstance(item, dict):
            raise CmdbUnavailableError("the CMDB answered no item", call=f"GET {path}")
        return item

    def _read(self, path: str) -> Any:
        for attempt in self._retrying(CmdbUnavailableError):
            with attempt:
                answer = self._http.send("GET", path)
        return answer

    def _retrying(self, *kinds: type[BaseException]) -> Retrying:
        return Retrying(
            retry=retry_if_exception_type(kinds),
            stop=stop_after_attempt(self._attempts),
            wait=self._wait,
            reraise=True,
        )


def from_connection(
    host: str,
    login: str | None,
    password: str | None,
    extra: dict[str, Any],
    client_factory: Callable[[str], Any] | None = None,
    **options: Any,
) -> CmfClient:
    """A client from the plain fields of the connection ``cmf_api``.

    :param host: base URL with its stage; without a scheme it is https.
    :param extra: ``userPoolId, clientId, secretId, region`` (service account; ``secretId`` defaults to
        ``MFServiceAccount-{userPoolId}``, ``region`` to the pool's) or ``loginUrl`` (with login and password).
    :param client_factory: makes a boto3 client by service name; by default for ``region``.
    :param options: passed to :class:`CmfClient`.
    :raises InstallationError: a field is missing; the path names it.
    """
    if not host:
        raise InstallationError("the CMDB connection has no host", path="cmf_api.host")
    base_url = host if "://" in host else f"https://{host}"
    return CmfClient(base_url, _login_of(login, password, extra, client_factory), **options)


def _login_of(
    login: str | None, password: str | None, extra: dict[str, Any], client_factory: Callable[[str], Any] | None
) -> Login:
    pool_id = str(extra.get("userPoolId") or "")
    if pool_id:
        if not extra.get("clientId"):
            raise InstallationError(
                "the service-account login needs the pool's client id", path="cmf_api.extra.clientId"
            )
        region = str(extra.get("region") or pool_id.split("_", 1)[0])
        secret_id = str(extra.get("secretId") or f"MFServiceAccount-{pool_id}")
        return CognitoServiceAccount(
            pool_id, str(extra["clientId"]), secret_id, region, client_factory or clients_in(region)
        )
    if not extra.get("loginUrl"):
        raise InstallationError("the CMDB connection names no way to log in", path="cmf_api.extra.userPoolId|loginUrl")
    if not login or not password:
        raise InstallationError("the login URL needs login and password", path="cmf_api.login|password")
    return LoginEndpoint(str(extra["loginUrl"]), login, password)


def _legal_wave_status(value: str | None) -> WaveStatus | None:
    try:
        return None if value is None else WaveStatus(value)
    except ValueError as error:
        legal = [one.value for one in WaveStatus]
        raise CmdbRefusedError("this is no status of a wave", value=value, legal=legal) from error


def _differences(item: dict[str, Any], desired: dict[str, str | None]) -> dict[str, str]:
    """The attributes that must be sent; CMF stores no empty values, so ``""`` equals an absent attribute."""
    return {name: value for name, value in desired.items() if value is not None and (item.get(name) or "") != value}


def _path(schema: str, item_id: str) -> str:
    return f"/user/{schema}/{quote(item_id, safe='')}"


def _lock_of(base_url: str, schema: str, item_id: str) -> threading.Lock:
    with _LOCKS_GUARD:
        return _LOCKS[(base_url, schema, item_id)]
