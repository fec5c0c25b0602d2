"""``graftwork admin migrations`` on a real MongoDB."""

import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from graftwork.admin.ledgers import open_ledgers
from graftwork.admin.migrations import LedgerVersion
from graftwork.admin.migrations import apply
from graftwork.admin.migrations import read_versions
from graftwork.kit.ledger import STOPS
from graftwork.kit.migrations import KIT_MIGRATIONS
from graftwork.kit.migrations import SCHEMA
from graftwork.kit.settings import ServiceSettings
from tests.support.command import Ended
from tests.support.command import graftwork

KIT = len(KIT_MIGRATIONS)


@pytest.fixture
async def settings(mongo_address: str) -> AsyncIterator[ServiceSettings]:
    settings = ServiceSettings(mongo=mongo_address, namespace=f"t{secrets.token_hex(4)}")
    yield settings
    async with open_ledgers(settings) as ledgers:
        for ledger in ledgers.values():
            await ledger.client.drop_database(ledger.database.name)


async def migrations(home: Path, settings: ServiceSettings, *arguments: str) -> Ended:
    named = ("--mongo", settings.mongo, "--namespace", settings.namespace)
    return await graftwork(home, "admin", "migrations", *arguments, *named)


async def status(home: Path, settings: ServiceSettings) -> dict[str, dict[str, Any]]:
    ended = await migrations(home, settings, "status", "--json")
    return {one["service"]: one for one in json.loads(ended.stdout)}


async def known_here(settings: ServiceSettings) -> dict[str, LedgerVersion]:
    return {one.service: one for one in await read_versions(settings)}


async def test_old_ledgers_are_found_and_migrated_and_those_that_are_not_there_are_not_made(
    settings: ServiceSettings, tmp_path: Path
) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    async with open_ledgers(settings) as ledgers:
        await ledgers["search"].prepare(retention_days=1)
        await ledgers["search"].insert_unordered(STOPS, [{"_id": "job-1", "at": at}])

        before = await status(tmp_path, settings)
        table = await migrations(tmp_path, settings, "status")
        applied = await migrations(tmp_path, settings, "apply")
        again = await apply(settings, ["search", "runner"])
        after = await known_here(settings)
        stops = await ledgers["search"].read.find(STOPS, {})

    search = before["search"]
    assert (search["exists"], search["versions"], search["newest"]) == (True, None, {"kit": KIT, "search": 0})
    assert search["pending"][0] == "kit 1 (stops name the run that they ended)"
    assert table.stdout.splitlines()[2].split()[:4] == ["search", "before", "versions", f"{KIT}.0"]
    assert table.stdout.splitlines()[1].endswith("no ledger yet")
    assert applied.stdout.startswith("search: kit 1 (stops name the run that they ended)")
    assert "migration.applied" in applied.stderr
    assert again == {"search": []}
    assert (after["search"].versions, after["search"].pending) == ({"kit": KIT, "search": 0}, [])
    assert {one.exists for name, one in after.items() if name != "search"} == {False}
    assert [stop["run"] for stop in stops] == [0]


async def test_a_ledger_of_a_later_release_is_told_and_left_alone(settings: ServiceSettings, tmp_path: Path) -> None:
    async with open_ledgers(settings) as ledgers:
        await ledgers["curator"].prepare(retention_days=1)
        await apply(settings)
        await (
            ledgers["curator"].database[SCHEMA].update_one({}, {"$set": {"versions.curator": 99, "needs.curator": 99}})
        )

    told = await migrations(tmp_path, settings, "status")
    refused = await migrations(tmp_path, settings, "apply")

    assert told.stdout.splitlines()[-1].endswith("newer than what is installed here")
    assert refused.status == 1
    assert "is too old for: curator 99 (known: 0)" in refused.stderr


async def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    nowhere = "mongodb://ada:secret@127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=50"

    ended = await graftwork(tmp_path, "admin", "migrations", "status", "--mongo", nowhere)

    assert ended.status == 3
    assert "MongoDB at 127.0.0.1:1" in ended.stderr
    assert "secret" not in ended.stderr
