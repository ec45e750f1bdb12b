"""A deadline for a whole exchange: the time-outs of ``requests`` start again with each piece that arrives.

Without it a receiver that sends a byte now and then would occupy a worker slot for hours.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager


class _EndsInTime:
    """Mixin of a connection: its socket is shut down ``seconds`` after the connection began to be opened."""

    seconds: float
    sock: Any
    _timer: threading.Timer | None = None
    _ends_at = 0.0

    def connect(self) -> None:
        self._ends_at = time.monotonic() + self.seconds
        super().connect()  # type: ignore[misc]
        self._timer = threading.Timer(self._seconds_left(), _shut, [self.sock])
        self._timer.daemon = True
        self._timer.start()

    def _new_conn(self) -> socket.socket:
        """Limits the TLS handshake that follows to the time that is left: Python treats it as one wait."""
        opened: socket.socket = super()._new_conn()  # type: ignore[misc]
        waits = opened.gettimeout()
        opened.settimeout(min(self._seconds_left(), self.seconds if waits is None else waits))
        return opened

    def _seconds_left(self) -> float:
        # A time-out of zero would mean non-blocking mode.
        return max(0.001, self._ends_at - time.monotonic())

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().close()  # type: ignore[misc]


def _shut(sock: Any) -> None:
    # Closing alone would not wake a read that waits.
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def pool_manager(seconds: float, **options: Any) -> PoolManager:
    """A pool manager whose connections are shut down after so many seconds."""

    class Plain(_EndsInTime, HTTPConnection):
        pass

    class Tls(_EndsInTime, HTTPSConnection):
        pass

    Plain.seconds = Tls.seconds = seconds

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = Tls

    manager = PoolManager(**options)
    manager.pool_classes_by_scheme = {"http": PlainPool, "https": TlsPool}
    return manager
