"""Ports on the loopback interface: the wanted one, or a free one."""

from __future__ import annotations

import socket

from include.local.errors import LocalError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now (another one on all interfaces counts as taken)."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        if probe.connect_ex((LOOPBACK, port)) == 0:
            return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def choose(wanted: int, strict: bool, what: str) -> int:
    """``wanted`` if it is free, else another free port; 0 means any. With ``strict`` only ``wanted``.

    :raises LocalError: ``wanted`` is taken, with ``strict``.
    """
    if wanted and is_free(wanted):
        return wanted
    if wanted and strict:
        raise LocalError(f"port {wanted} for {what} is taken; choose another (make … PORT=8081) or stop what uses it")
    return free_port()
