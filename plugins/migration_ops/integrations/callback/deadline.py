"""A deadline for a whole exchange: the time-outs of requests count anew with each piece that arrives.

A receiver that sends a byte of its answer now and then would otherwise hold a worker slot for hours.
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
    """Mixin of a connection: its socket is shut ``seconds`` after it began to be opened, whatever it does."""

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
        """The handshake of TLS, which follows, has what is left: Python counts it as one wait."""
        opened: socket.socket = super()._new_conn()  # type: ignore[misc]
        waits = opened.gettimeout()
        opened.settimeout(min(self._seconds_left(), self.seconds if waits is None else waits))
        return opened

    def _seconds_left(self) -> float:
        # A time-out of zero would be none at all.
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
    """A manager whose connections end after so many seconds."""

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
