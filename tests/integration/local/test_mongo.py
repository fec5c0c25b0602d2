import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from graftwork.local.errors import NoAnswer
from graftwork.local.errors import ServerDied
from graftwork.local.mongo import mongo_server
from graftwork.local.server import Server


def write(address: str, document: dict[str, Any]) -> None:
    with MongoClient[dict[str, Any]](address) as client:
        client.kept.things.insert_one(document)


def read(address: str) -> list[dict[str, Any]]:
    with MongoClient[dict[str, Any]](address) as client:
        return client.kept.things.find().to_list()


async def test_a_restart_keeps_the_data_and_the_address_where_it_can(tmp_path: Path) -> None:
    async with mongo_server(tmp_path) as first:
        write(first.address, {"_id": 1})

    async with mongo_server(tmp_path) as second:
        assert second.address == first.address
        assert read(second.address) == [{"_id": 1}]

    (port,) = json.loads((tmp_path / "ports.json").read_text())
    async with await asyncio.start_server(hang_up, "127.0.0.1", port), mongo_server(tmp_path) as third:
        write(third.address, {"_id": 2})

        assert third.address != first.address
        assert read(third.address) == [{"_id": 1}, {"_id": 2}]


async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_unreadable_data_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "storage.bson").write_bytes(b"junk")

    with pytest.raises(ServerDied, match="MongoDB ended with status") as raised:
        async with mongo_server(tmp_path):
            pass

    assert "saying: Unable to read the storage engine metadata file: " in str(raised.value)


async def test_a_given_address_wins(tmp_path: Path, mongo_address: str) -> None:
    async with mongo_server(tmp_path / "unused", mongo_address) as server:
        assert server == Server("MongoDB", mongo_address, process=None)

    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("address", ["mongodb://127.0.0.1:1", "nonsense"])
async def test_a_given_address_that_does_not_answer_is_told(tmp_path: Path, address: str) -> None:
    with pytest.raises(NoAnswer, match=f"MongoDB does not answer at {address}: .*GRAFTWORK_MONGO"):
        async with mongo_server(tmp_path, address):
            pass
