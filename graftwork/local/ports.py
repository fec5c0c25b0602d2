"""Ports on 127.0.0.1: which are free, which are taken, and which a data directory used last."""

import json
import socket
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from random import SystemRandom

from graftwork.local.errors import PortTaken

HOST = "127.0.0.1"


# Below what systems hand out to outgoing connections: those would take a remembered port between two runs.
CHOICE = range(20_000, 32_000)


def free_ports(count: int) -> tuple[int, ...]:
    """Return ``count`` different ports nobody listens on now.

    Nothing keeps them free until they are used; whoever starts a server on one retries with others.
    """
    shuffled = SystemRandom().sample(CHOICE, len(CHOICE))
    return tuple(islice((port for port in shuffled if not is_taken(port)), count))


def is_taken(port: int) -> bool:
    """Tell whether a server could not listen on the port now."""
    with socket.socket() as probe:
        # Servers set it too: without it, connections of a server that just ended would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


def require_free(ports: Iterable[int], server: str) -> None:
    """Check that a server can listen on all of these.

    Raises:
        PortTaken: for the first one it cannot.
    """
    for port in ports:
        if is_taken(port):
            raise PortTaken(server, port)


def preferred_ports(memory: Path, count: int) -> tuple[int, ...]:
    """Return the ports written in ``memory`` if they are free, else new ones, and write those down.

    A second run on the same data then has the addresses of the first wherever it can, so that what
    was pointed at them goes on working.
    """
    ports = _remembered(memory)
    if len(ports) != count or any(is_taken(port) for port in ports):
        ports = free_ports(count)
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(json.dumps(ports))
    return ports


def _remembered(memory: Path) -> tuple[int, ...]:
    try:
        ports = json.loads(memory.read_text())
    except (FileNotFoundError, json.JSONDecodeError):  # torn by a crash: as good as none
        return ()
    return tuple(ports) if isinstance(ports, list) and all(isinstance(port, int) for port in ports) else ()
