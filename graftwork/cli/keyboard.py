"""Lines that a person types while other things go on."""

import asyncio
import os
import sys

_LONGEST_LINE = 4096  # what a terminal hands out at once


async def typed_line() -> str:
    """Return the next line from the terminal. Raises ``EOFError`` at its end (Ctrl-D)."""
    loop, terminal = asyncio.get_running_loop(), sys.stdin.fileno()
    ready = asyncio.Event()
    loop.add_reader(terminal, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(terminal)
    line = os.read(terminal, _LONGEST_LINE)
    if not line:
        raise EOFError
    return line.decode(errors="replace").strip()
