"""WSGI applications on loopback, each in a daemon thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from include.sandbox.browser_guard import without_browsers
from include.sandbox.call_log import WsgiApp

LOOPBACK = "127.0.0.1"


class QuietHandler(WSGIRequestHandler):
    """No line per request on stderr."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        return None

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        """Dropped connections are a fault on request, or a client that gave up."""
        self.close_connection = True


class LoopbackServer:
    """
    One application on ``http://127.0.0.1:port``; port 0 takes a free one.

    :param names: by which it is reached besides, where something relays to it.
    """

    def __init__(
        self,
        name: str,
        app: WsgiApp,
        port: int = 0,
        handler: type[WSGIRequestHandler] = QuietHandler,
        names: Collection[str] = (),
    ) -> None:
        guarded = without_browsers(app, names)
        self._server: BaseWSGIServer = make_server(LOOPBACK, port, guarded, threaded=True, request_handler=handler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        # A hanging request (fault `timeout`) must not hold the shutdown.
        self._server.block_on_close = False  # type: ignore[attr-defined]
        self._thread = threading.Thread(target=self._serve, name=f"sandbox-{name}", daemon=True)

    def _serve(self) -> None:
        # The default 0.5 s is how long each shutdown would take.
        self._server.serve_forever(poll_interval=0.05)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.server_port}"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()
