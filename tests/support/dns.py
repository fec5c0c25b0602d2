"""A name server for one name, whose addresses a test changes as a headless service does when pods come and go."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

_HEADER_BYTES = 12
_ANSWERED = 0x8580
_A, _IN = 1, 1
_POINTER_TO_THE_QUESTION = 0xC00C
_SECONDS_TO_LIVE = 5


@dataclass
class Names(asyncio.DatagramProtocol):
    """Answers every question for an IPv4 address with ``addresses``, and every other with nothing."""

    addresses: tuple[str, ...]
    port: int = 0
    _transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep where to answer."""
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, sender: Any) -> None:
        """Answer as RFC 1035 says."""
        self._transport.sendto(_answer(data, self.addresses), sender)


def _answer(query: bytes, addresses: tuple[str, ...]) -> bytes:
    end = query.index(b"\0", _HEADER_BYTES) + 5
    (kind,) = struct.unpack(">H", query[end - 4 : end - 2])
    found = addresses if kind == _A else ()
    header = query[:2] + struct.pack(">5H", _ANSWERED, 1, len(found), 0, 0)
    records = (
        struct.pack(">HHHIH", _POINTER_TO_THE_QUESTION, _A, _IN, _SECONDS_TO_LIVE, 4) + socket.inet_aton(address)
        for address in found
    )
    return header + query[_HEADER_BYTES:end] + b"".join(records)


@asynccontextmanager
async def name_server(*addresses: str) -> AsyncIterator[Names]:
    """Serve on a free port."""
    transport, names = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Names(addresses), local_addr=("127.0.0.1", 0)
    )
    try:
        yield names
    finally:
        transport.close()
