import asyncio
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from graftwork.local.services import SERVICES
from tests.support.command import Up
from tests.support.command import assert_all_gone
from tests.support.command import graftwork
from tests.support.endpoints import refusing_endpoint
from tests.support.eventually import assert_eventually
from tests.support.scripted_model.child import ScriptedModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture
async def servers(kafka_address: str, mongo_address: str) -> AsyncIterator[dict[str, str]]:
    """What tells ``up`` to start services only."""
    async with ScriptedModel.started() as model:
        yield {
            "GRAFTWORK_KAFKA": kafka_address,
            "GRAFTWORK_MONGO": mongo_address,
            "GRAFTWORK_NAMESPACE": f"up{os.getpid()}",
            "OPENAI_BASE_URL": model.base_url,
        }


def pid_of(service: str, family: dict[int, str]) -> int:
    (pid,) = [pid for pid, command in family.items() if command.endswith(f"-m graftwork_{service}")]
    return pid


@pytest.mark.tiny
async def test_up_from_nothing_serves_keeps_its_services_alive_and_stops_without_a_trace(tmp_path: Path) -> None:
    async with Up.started(tmp_path) as up:
        family = up.family()
        for service in SERVICES:
            assert pid_of(service, family) != up.process.pid

        found = await graftwork(tmp_path, "jobs", "list", "--json")
        assert (found.status, found.stdout) == (0, '{"items":[],"next_cursor":null}\n')

        second = await graftwork(tmp_path, "up")
        assert second.status == 1
        assert second.stderr.startswith(f"graftwork: Another Graftwork already runs on {tmp_path}")

        killed = pid_of("search", family)
        os.kill(killed, signal.SIGKILL)
        await up.told("step", "search was killed by signal 9")
        await up.told("step", "search is ready")
        family |= up.family()
        assert len([command for command in family.values() if command.endswith("-m graftwork_search")]) == 2

        assert await up.end(signal.SIGINT) == 130

    assert_all_gone(family)
    assert not (tmp_path / "state.json").exists()
    assert (await graftwork(tmp_path, "jobs", "list")).status == 3


async def test_nothing_outlives_a_killed_up(tmp_path: Path, servers: dict[str, str]) -> None:
    async with Up.started(tmp_path, **servers) as up:
        family = up.family()
        assert len(family) > len(SERVICES)

        assert await up.end(signal.SIGKILL) == -signal.SIGKILL

        await assert_eventually(lambda: assert_all_gone(family))

    late = await graftwork(tmp_path, "jobs", "list")
    assert (late.status, late.stderr) == (
        3,
        "graftwork: no server: start one with `graftwork up`, or name one with --url or GRAFTWORK_URL\n",
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"GRAFTWORK_KAFKA": "127.0.0.1:1"}, "Kafka does not answer at 127.0.0.1:1"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "The model endpoint does not answer at http://127.0.0.1:1/v1"),
        ({"GRAFTWORK_MIN_FREE_DISK_MIB": "99999999"}, "Disk full: "),
        ({"GRAFTWORK_GATEWAY_PORT": "many"}, "GRAFTWORK_GATEWAY_PORT: Input should be a valid integer"),
    ],
    ids=["kafka", "model", "disk", "port"],
)
async def test_what_is_in_the_way_is_one_clear_line(
    tmp_path: Path, servers: dict[str, str], given: dict[str, str], said: str
) -> None:
    ended = await graftwork(tmp_path, "up", **{**servers, **given})

    assert ended.status == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"graftwork: {said}")


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ({}, "wants a key, and OPENAI_API_KEY is not set"),
        ({"OPENAI_API_KEY": "sk-wrong"}, "refuses the key"),
    ],
    ids=["missing", "wrong"],
)
async def test_an_endpoint_that_wants_another_key_is_one_clear_line(
    tmp_path: Path, servers: dict[str, str], key: dict[str, str], said: str
) -> None:
    async with refusing_endpoint() as address:
        ended = await graftwork(tmp_path, "up", **{**servers, "OPENAI_BASE_URL": address, **key})

    assert ended.status == 1
    (line,) = ended.stderr.splitlines()
    assert said in line
    assert "sk-wrong" not in line


async def test_a_taken_port_is_one_clear_line(tmp_path: Path, servers: dict[str, str]) -> None:
    port = servers["OPENAI_BASE_URL"].split(":")[2].removesuffix("/v1")

    ended = await graftwork(tmp_path, "up", "--port", port)

    assert ended.status == 1
    assert ended.stderr == (
        f"graftwork: Port {port} for the gateway (GRAFTWORK_GATEWAY_PORT) is taken by another program: "
        "stop it, or choose another port\n"
    )


OF_OPERATORS = {f"export GRAFTWORK_{name}" for name in ("BLOBS", "KAFKA", "MONGO", "NAMESPACE")}


async def test_a_service_left_out_can_be_run_by_hand(tmp_path: Path, servers: dict[str, str]) -> None:
    async with Up.started(tmp_path, "--without", "curator", **servers) as up:
        assert not [command for command in up.family().values() if command.endswith("graftwork_curator")]
        told = await graftwork(tmp_path, "env", "curator")
        server = await graftwork(tmp_path, "env")
        operator = await graftwork(tmp_path, "env", "admin")
        given = dict(line.removeprefix("export ").split("=", 1) for line in told.stdout.splitlines())

        assert (told.status, server.status) == (0, 0)
        assert given["GRAFTWORK_NAMESPACE"] == servers["GRAFTWORK_NAMESPACE"]
        assert f"export GRAFTWORK_URL={up.url}\n" in server.stdout
        assert {line for line in told.stdout.splitlines() if line.partition("=")[0] in OF_OPERATORS} == {
            *operator.stdout.splitlines()
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "graftwork_curator",
            env={**os.environ, **{name: shlex.split(value)[0] for name, value in given.items()}},
        )  # fmt: skip
        try:
            await assert_eventually(lambda: is_ready(given["GRAFTWORK_HTTP_PORT"]), timeout_seconds=60)
        finally:
            process.terminate()
            await process.wait()

    assert process.returncode == 0
    assert (await graftwork(tmp_path, "env", "curator")).status == 2
    assert (await graftwork(tmp_path, "env", "admin")).status == 2


async def is_ready(port: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        try:
            answer = await http.get(f"http://127.0.0.1:{port}/readyz")
        except httpx.TransportError as error:
            raise AssertionError(str(error)) from error
    assert answer.status_code == 200
