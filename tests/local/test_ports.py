"""A taken port: another one, or a refusal that names it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from include.local import ports
from include.local.errors import LocalError


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def taken(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket() as server:
        server.bind((request.param, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_free_port_is_taken_as_asked() -> None:
    port = ports.free_port()
    assert ports.choose(port, strict=True, what="the UI") == port


def test_another_port_when_nobody_insists(taken: int) -> None:
    chosen = ports.choose(taken, strict=False, what="the UI")
    assert chosen != taken
    assert ports.is_free(chosen)


def test_a_named_port_that_is_taken_is_refused(taken: int) -> None:
    with pytest.raises(LocalError, match=f"port {taken} for the UI is taken"):
        ports.choose(taken, strict=True, what="the UI")


def test_zero_means_any() -> None:
    assert ports.is_free(ports.choose(0, strict=True, what="the UI"))
