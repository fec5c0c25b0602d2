"""A MongoDB that expires nothing: tests store rows of any date, and the expirer, every minute, would take some away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from graftwork.local.mongo import find_program
from graftwork.local.mongo import mongo_server
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import silent
from graftwork.local.settings import LocalSettings


@asynccontextmanager
async def timeless_mongo(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """As ``mongo_server``, with its expirer off if the server is our own."""
    async with mongo_server(home, address, settings=settings, on_progress=on_progress) as server:
        if server.process is not None and not find_program().secantus:
            await asyncio.to_thread(stop_expiry, server.address)
        yield server


def stop_expiry(address: str) -> None:
    """Keep what is past its time, until the server ends."""
    with MongoClient[dict[str, Any]](address) as client:
        client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
