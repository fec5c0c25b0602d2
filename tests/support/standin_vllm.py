"""Stands in for ``vllm``: a program that takes its command line, and relays its socket to an endpoint of the test.

``standin_vllm.py serve MODEL --uds SOCKET --upstream HOST:PORT ...``; arguments of vLLM's that mean nothing here are
ignored. ``--dies-while FILE``: as long as that file is there, say what is in it and end. ``--family FILE``: have a
child in a session of its own, as some engines have, and write both process ids into the file. ``--deaf``: do not end
on SIGTERM.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy bytes until the reader ends, and pass that end on."""
    with suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


async def serve(socket: str, upstream: str, *, deaf: bool) -> None:
    """Relay every connection until SIGTERM, and end in the middle of whatever goes on; ``deaf``: go on."""
    host, _, port = upstream.rpartition(":")

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(host, int(port))
        await asyncio.gather(relay(reader, there[1]), relay(there[0], writer))

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await asyncio.start_unix_server(connected, socket)
    print("INFO 11-21 20:43:57 [launcher.py:395] Application startup complete.", flush=True)  # noqa: T201 - as vLLM
    await stopped.wait()
    print("WARNING 11-21 20:45:50 [launcher.py:254] the stand-in was asked to end", flush=True)  # noqa: T201
    if not deaf:
        os._exit(0)
    await asyncio.Event().wait()


def main() -> None:
    """Do as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("serve")
    parser.add_argument("model")
    parser.add_argument("--uds", required=True)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--dies-while", type=Path)
    parser.add_argument("--family", type=Path)
    parser.add_argument("--deaf", action="store_true")
    asked, _ = parser.parse_known_args()
    if asked.dies_while and asked.dies_while.exists():
        sys.exit(asked.dies_while.read_text())
    if asked.family:
        waits = [sys.executable, "-c", "import signal; signal.pause()"]
        child = subprocess.Popen(waits, start_new_session=True)  # noqa: S603 - our own
        asked.family.write_text(f"{os.getpid()} {child.pid}")
    asyncio.run(serve(asked.uds, asked.upstream, deaf=asked.deaf))


if __name__ == "__main__":
    main()
