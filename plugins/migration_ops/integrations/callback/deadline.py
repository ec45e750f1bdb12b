"""A deadline for a whole exchange: the time-outs of requests count anew with each piece that arrives.

A receiver that sends a byte of its answer now and then would otherwise hold a worker slot for hours.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.poolmanager import PoolManager


class _EndsInTime:
    """Mixin of a connection: its socket is shut when ``seconds`` have passed since it was opened, whatever it does."""

    seconds: float
    sock: Any
    _timer: threading.Timer | None = None

    def connect(self) -> None:
        """The connection itself has a time-out of its own, which is one wait."""
        super().connect()  # type: ignore[misc]
        self._timer = threading.Timer(self.seconds, _shut, [self.sock])
        self._timer.daemon = True
        self._timer.start()

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
