"""Forwards TCP from one address to the same ports on loopback, because the sandbox listens there only."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from include.local.ports import LOOPBACK

CHUNK_BYTES = 65_536


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def _serve(address: str, port: int) -> asyncio.Server:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        for one in (writer, inner_writer):
            one.close()

    return await asyncio.start_server(connected, address, port)


async def relay(address: str, ports: Iterable[int], stop: asyncio.Event) -> None:
    """Relays each port of ``address`` to loopback until ``stop`` is set.

    :raises OSError: a port of the address is taken, or the address is not this machine's.
    """
    servers = [await _serve(address, port) for port in ports]
    await stop.wait()
    for server in servers:
        server.close()
