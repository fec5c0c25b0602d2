"""Frames on the pipe to a worker: four bytes of length, then that much JSON."""

import asyncio
import json
import struct
from collections.abc import Mapping
from typing import Any

from graftwork_runner.cpython.errors import ProtocolBroken

_LENGTH = struct.Struct(">I")


def frame(order: Mapping[str, Any]) -> bytes:
    """Bytes of an order of ours."""
    content = json.dumps(order).encode()
    return _LENGTH.pack(len(content)) + content


async def read_frame(reader: asyncio.StreamReader, most_bytes: int) -> str:
    """Text of the next frame.

    Raises ``ProtocolBroken`` if it is too long or not UTF-8, and ``EOFError`` if there is no other.
    """
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > most_bytes:
        raise ProtocolBroken(f"a message of {length:,} bytes; at most {most_bytes:,} are allowed")
    try:
        return (await reader.readexactly(length)).decode()
    except UnicodeDecodeError as error:
        raise ProtocolBroken("a message that is not UTF-8") from error
