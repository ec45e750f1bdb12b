"""A requests session that can reach one approved URL only, at the addresses that were judged.

Judging a name and connecting to it later are two resolutions; a name that changes in between (DNS rebinding) would
pass the first and lead inside with the second. So the connection goes to the judged address, while the Host header,
the server name of TLS and the certificate check keep the name.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from migration_ops.integrations.callback.egress import DEFAULT_PORTS, ApprovedUrl
from migration_ops.integrations.errors import ForbiddenUrl


class PinnedAdapter(HTTPAdapter):
    """Connects to ``address`` for ``approved``, and refuses every other URL.

    :param address: one of ``approved.addresses``.
    """

    def __init__(self, approved: ApprovedUrl, address: str) -> None:
        self._approved = approved
        self._address = address
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

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
            raise ForbiddenUrl("this session may call one approved host only", host=parts.hostname or "")
        request.headers["Host"] = self._approved.host_header
        kwargs["proxies"] = {}
        return super().send(request, *args, **kwargs)


def pinned_session(approved: ApprovedUrl, attempt: int = 0) -> requests.Session:
    """A session for one approved URL: no proxies, ``.netrc`` or CA bundle from the environment.

    :param attempt: which of the approved addresses is used, so that a retry tries the next one.
    """
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    address = approved.addresses[attempt % len(approved.addresses)]
    session.mount(f"{approved.scheme}://", PinnedAdapter(approved, address))
    return session
