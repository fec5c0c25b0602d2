"""What a probe would find if it got out: secrets that only a wall keeps it from, and who came for them."""

import asyncio
import os
import secrets
import socket
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import Any

MARK = "canary-"
HOME_SECRETS = (".aws/credentials", ".ssh/id_rsa", ".netrc", ".kube/config", ".docker/config.json")
_HOST = "127.0.0.1"


@dataclass
class Canaries:
    """``seed``: where they are, for probes. ``values``: what they say. ``visits``: who came, and nobody should have."""

    home: Path
    values: dict[str, str] = field(default_factory=dict)
    seed: dict[str, Any] = field(default_factory=dict)
    visits: list[str] = field(default_factory=list)

    def hatch(self, name: str) -> str:
        """A new secret."""
        return self.values.setdefault(name, f"{MARK}{secrets.token_hex(12)}")

    @property
    def dropped(self) -> list[str]:
        """Names of what was left on this machine's disk."""
        return sorted(path.name for path in Path(self.seed["drop"]).iterdir())

    @property
    def traces(self) -> list[str]:
        """What got out, other than by being told."""
        return [*self.visits, *self.dropped]


@asynccontextmanager
async def planted() -> AsyncIterator[Canaries]:
    """Canaries that any user of this machine could take, so that nothing but a wall is in the way."""
    async with AsyncExitStack() as stack:
        canaries = Canaries(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        canaries.seed |= {"mark": MARK, "pid": os.getpid(), "node": os.uname().nodename}
        canaries.seed["extension"] = str(_an_extension())
        _plant_files(canaries)
        _plant_variable(canaries, stack)
        await _open_doors(canaries, stack)
        _let_anybody_knock(canaries)
        yield canaries


def _an_extension() -> Path:
    """Machine code of this interpreter's."""
    return min(Path(sysconfig.get_path("stdlib")).glob("lib-dynload/*.so"))


def _plant_files(canaries: Canaries) -> None:
    canaries.home.chmod(0o755)
    (canaries.home / "drop").mkdir()
    (canaries.home / "drop").chmod(0o777)
    files = {"file": "grader.py", **{name: name for name in HOME_SECRETS}}
    for name, relative in files.items():
        path = canaries.home / relative
        path.parent.mkdir(exist_ok=True)
        path.write_text(canaries.hatch(name))
        path.chmod(0o666)
    canaries.seed |= {"file": str(canaries.home / "grader.py"), "home": str(canaries.home)}
    canaries.seed |= {"drop": str(canaries.home / "drop"), "home_secrets": list(HOME_SECRETS)}


def _plant_variable(canaries: Canaries, stack: AsyncExitStack) -> None:
    name = f"GRAFTWORK_{secrets.token_hex(4).upper()}"
    os.environ[name] = canaries.hatch("variable")
    stack.callback(os.environ.pop, name)
    canaries.seed["variable"] = name


async def _open_doors(canaries: Canaries, stack: AsyncExitStack) -> None:
    abstract = f"graftwork-{secrets.token_hex(6)}"
    path = str(canaries.home / "docker.sock")
    tcp = await stack.enter_async_context(await asyncio.start_server(_door(canaries, "loopback"), _HOST, 0))
    for name, address in (("abstract", f"\0{abstract}"), ("socket", path)):
        await stack.enter_async_context(await asyncio.start_unix_server(_door(canaries, name), address))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((_HOST, 0))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Letterbox(canaries), sock=udp)
    stack.callback(transport.close)
    canaries.seed |= {"abstract": abstract, "socket": path, "datagrams": udp.getsockname()[1]}
    canaries.seed["port"] = tcp.sockets[0].getsockname()[1]


def _let_anybody_knock(canaries: Canaries) -> None:
    Path(canaries.seed["socket"]).chmod(0o666)


def _door(canaries: Canaries, name: str) -> Any:
    value = canaries.hatch(name)

    async def opened(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        canaries.visits.append(name)
        writer.write(value.encode())
        writer.close()
        await writer.wait_closed()

    return opened


class _Letterbox(asyncio.DatagramProtocol):
    def __init__(self, canaries: Canaries) -> None:
        self._canaries = canaries

    def datagram_received(self, data: bytes, addr: Any) -> None:  # noqa: ARG002 (asyncio's signature)
        self._canaries.visits.append("datagram")
