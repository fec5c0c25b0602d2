import asyncio
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from graftwork.local.errors import HomeInUse
from graftwork.local.errors import NoAnswer
from graftwork.local.errors import ServerDied
from graftwork.local.platform import LocalServers
from graftwork.local.platform import ServerAddresses
from graftwork.local.settings import LocalSettings
from tests.support.eventually import assert_eventually
from tests.support.processes import assert_gone

OWNER = """
import asyncio, pathlib, sys
from graftwork.local.platform import LocalServers

async def main() -> None:
    async with LocalServers(pathlib.Path(sys.argv[1])) as servers:
        print(servers.kafka, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
NOBODY = "http://127.0.0.1:1/v1"


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the servers that run on the directory."""
    return [process for process in psutil.process_iter() if any(f"{home}/" in part for part in _command(process))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:  # between its listing and the question
        return []


@pytest.fixture(autouse=True)
def no_address_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAFTWORK_KAFKA", "GRAFTWORK_MONGO", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def given(kafka_address: str, mongo_address: str, tiny_model_url: str) -> LocalSettings:
    """Settings under which there is nothing left to start."""
    return LocalSettings(kafka=kafka_address, mongo=mongo_address, openai_base_url=tiny_model_url)


@pytest.mark.tiny
async def test_given_addresses_win_over_starting_anything(tmp_path: Path, given: LocalSettings) -> None:
    progress: list[str] = []

    async with LocalServers(tmp_path, settings=given, on_progress=progress.append) as addresses:
        assert addresses == ServerAddresses(
            kafka=str(given.kafka),
            mongo=str(given.mongo),
            openai_base_url=str(given.openai_base_url),
            tiny_model=False,
        )
        assert processes_of(tmp_path) == []

    assert f"Kafka is ready at {given.kafka} (given)" in progress


@pytest.mark.tiny
async def test_a_data_directory_serves_one_at_a_time(tmp_path: Path, given: LocalSettings) -> None:
    async with LocalServers(tmp_path, settings=given):
        with pytest.raises(HomeInUse):
            await LocalServers(tmp_path, settings=given).__aenter__()

    async with LocalServers(tmp_path, settings=given):
        pass  # free again


@pytest.mark.tiny
async def test_a_server_that_dies_is_told_to_who_watches(tmp_path: Path, given: LocalSettings) -> None:
    servers = LocalServers(tmp_path, settings=given.model_copy(update={"mongo": None}))
    async with servers:
        (mongod,) = processes_of(tmp_path)
        mongod.kill()

        with pytest.raises(ServerDied, match="MongoDB was killed by signal 9"):
            await servers.watch()


async def test_a_dead_endpoint_is_told_plainly_and_stops_what_had_begun(tmp_path: Path) -> None:
    with pytest.raises(NoAnswer, match="The model endpoint does not answer"):
        await LocalServers(tmp_path, settings=LocalSettings(openai_base_url=NOBODY)).__aenter__()

    assert processes_of(tmp_path) == []


@pytest.mark.tiny
@pytest.mark.timeout(300)
async def test_a_killed_owner_leaves_no_server_and_the_next_finds_the_data_and_the_addresses(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OWNER, str(tmp_path)), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    kafka = (await owner.stdout.readline()).decode().strip()
    servers = psutil.Process(owner.pid).children(recursive=True)
    assert len(servers) == 3

    owner.kill()
    await owner.wait()

    for server in servers:
        await assert_eventually(partial(assert_gone, server.pid))
    progress: list[str] = []
    async with LocalServers(tmp_path, on_progress=progress.append) as addresses:
        assert addresses.kafka == kafka
        assert addresses.tiny_model
    assert [line for line in progress if line.startswith("Starting")] == [
        "Starting Kafka 4.3.0",
        "Starting MongoDB",
        "Starting the tiny model smollm2-135m-instruct",
    ]
    assert processes_of(tmp_path) == []
