"""The two sandbox services behind real HTTP on loopback, each with a book of faults and a client."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tenacity import wait_none
from werkzeug.serving import make_server

from include.sandbox.callback.app import Receiver
from include.sandbox.cmf.app import CmfApi
from include.sandbox.faults import FaultBook
from migration_ops.integrations.callback.client import CallbackClient
from migration_ops.integrations.cmdb.cmf import CmfClient
from migration_ops.integrations.cmdb.cmf_auth import LoginEndpoint, TokenCache

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@contextmanager
def serving(app: Any, **options: Any) -> Iterator[int]:
    """Serves a WSGI application on a free port of loopback; yields the port."""
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = make_server("127.0.0.1", 0, app, threaded=True, **options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@dataclass
class CmfSite:
    """A served CMF API and a client of it."""

    app: CmfApi
    url: str
    faults: FaultBook
    client: CmfClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.new_client()

    def login(self) -> LoginEndpoint:
        return LoginEndpoint(f"{self.url}/login", self.app.username, self.app.password)

    def new_client(self, **options: Any) -> CmfClient:
        options = {"tokens": TokenCache(), "wait": wait_none(), "timeout_seconds": 5.0} | options
        return CmfClient(self.url, self.login(), **options)

    def count(self, operation: str) -> int:
        return self.app.requests[operation]


@dataclass
class CallbackSite:
    """A served receiver."""

    app: Receiver
    port: int
    faults: FaultBook

    def client(self, **options: Any) -> CallbackClient:
        options = {
            "secrets": [SECRET],
            "allowed_hosts": [f"127.0.0.1:{self.port}"],
            "wait": wait_none(),
            "timeouts_seconds": (2.0, 2.0),
        } | options
        url = options.pop("url", f"http://127.0.0.1:{self.port}/hook")
        return CallbackClient(url, **options)
