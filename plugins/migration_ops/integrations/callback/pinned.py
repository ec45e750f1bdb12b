"""A requests session that can reach one approved URL only, at the addresses that were checked.

Checking a name and connecting to it later are two resolutions: a name that changes in between (DNS rebinding) would
pass the check and then lead to an internal address. So the connection goes to the checked address, while the Host
header, the server name of TLS and the certificate check use the name.
"""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from migration_ops.integrations.callback.deadline import pool_manager
from migration_ops.integrations.callback.egress import DEFAULT_PORTS, ApprovedUrl
from migration_ops.integrations.errors import ForbiddenUrlError

DEADLINE_SECONDS = 30.0


class PinnedAdapter(HTTPAdapter):
    """Connects to ``address`` for ``approved``, and refuses every other URL.

    :param address: one of ``approved.addresses``.
    :param deadline_seconds: for everything that a connection sends and receives.
    """

    def __init__(self, approved: ApprovedUrl, address: str, deadline_seconds: float) -> None:
        self._approved = approved
        self._address = address
        self._deadline_seconds = deadline_seconds
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        self.poolmanager = pool_manager(
            self._deadline_seconds, num_pools=connections, maxsize=maxsize, block=block, **kwargs
        )

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        host_params: dict[str, Any]
        pool_kwargs: dict[str, Any]
        host_params, pool_kwargs = map(dict, super().build_connection_pool_key_attributes(request, verify, cert))
        host_params["host"] = self._address
        if self._approved.scheme == "https" and self._approved.host != self._address:
            # TLS sends this name and checks the certificate against it.
            pool_kwargs["server_hostname"] = self._approved.host
        return host_params, pool_kwargs

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        parts = urlsplit(request.url or "")
        target = (parts.scheme, (parts.hostname or "").lower(), parts.port or DEFAULT_PORTS.get(parts.scheme))
        if target != (self._approved.scheme, self._approved.host, self._approved.port):
            raise ForbiddenUrlError("this session may call one approved host only", host=parts.hostname or "")
        request.headers["Host"] = self._approved.host_header
        kwargs["proxies"] = {}
        started = time.monotonic()
        answer = super().send(request, *args, **kwargs)
        if time.monotonic() - started >= self._deadline_seconds:
            # If the connection was shut down within the headers, it looks as if the headers had ended there.
            answer.close()
            raise requests.ReadTimeout("the deadline of the exchange is over", request=request)
        return answer


def pinned_session(
    approved: ApprovedUrl, attempt: int = 0, *, deadline_seconds: float = DEADLINE_SECONDS
) -> requests.Session:
    """A session for one approved URL: no proxies, ``.netrc`` or CA bundle from the environment.

    :param attempt: selects one of the approved addresses, so that a retry uses the next one.
    :param deadline_seconds: for one whole exchange, in addition to the time-outs of each wait.
    """
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    address = approved.addresses[attempt % len(approved.addresses)]
    session.mount(f"{approved.scheme}://", PinnedAdapter(approved, address, deadline_seconds))
    return session
