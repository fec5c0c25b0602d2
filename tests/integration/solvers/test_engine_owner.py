"""The pod with its own engine as a process: killed, told twice, and what it logs of the engine."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.integration.solvers.test_engine import all_gone
from tests.integration.solvers.test_engine import family_in
from tests.integration.solvers.test_process import ended
from tests.integration.solvers.test_process import started_process
from tests.support import standin_vllm
from tests.support.endpoints import running_endpoint
from tests.support.eventually import assert_eventually


@asynccontextmanager
async def pod_with_engine(family: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A pod whose engine serves."""
    async with running_endpoint() as endpoint:
        upstream = endpoint.url.removeprefix("http://").removesuffix("/v1")
        process = await started_process(
            GRAFTWORK_SOLVERS_BACKEND="vllm",
            GRAFTWORK_SOLVERS_VLLM_COMMAND=f"{sys.executable} {standin_vllm.__file__}",
            GRAFTWORK_SOLVERS_VLLM_MODEL="tiny",
            GRAFTWORK_SOLVERS_VLLM_ARGUMENTS=json.dumps(
                ["--upstream", upstream, "--family", str(family), *arguments],
            ),
        )
        try:
            await read_until(process, "engine.state", state="serving")
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def read_until(process: asyncio.subprocess.Process, event: str, **fields: str) -> list[dict[str, str]]:
    """Read the pod's log up to an event."""
    assert process.stderr is not None
    entries: list[dict[str, str]] = []
    async for line in process.stderr:
        entries.append(json.loads(line))
        if entries[-1]["event"] == event and fields.items() <= entries[-1].items():
            return entries
    raise AssertionError(f"the pod ended before {event}: {entries}")


async def test_when_it_is_killed_nothing_of_its_engine_is_left(tmp_path: Path) -> None:
    async with pod_with_engine(tmp_path / "family") as process:
        pids = await family_in(tmp_path / "family")
        command = psutil.Process(pids[0]).cmdline()
        sockets = Path(command[command.index("--uds") + 1]).parent
        process.kill()
        await process.wait()
        await all_gone(pids)
        await assert_eventually(lambda: is_removed(sockets))


def is_removed(directory: Path) -> None:
    assert not directory.exists()


async def test_a_signal_ends_it_and_its_engine(tmp_path: Path) -> None:
    async with pod_with_engine(tmp_path / "family") as process:
        pids = await family_in(tmp_path / "family")
        process.send_signal(signal.SIGTERM)
        status, said = await ended(process)
        await all_gone(pids)

    assert status == 0
    assert "Traceback" not in said


async def test_a_second_signal_ends_an_engine_that_does_not_listen(tmp_path: Path) -> None:
    async with pod_with_engine(tmp_path / "family", "--deaf") as process:
        pids = await family_in(tmp_path / "family")
        process.send_signal(signal.SIGTERM)
        await read_until(process, "engine.state", state="stopping")
        process.send_signal(signal.SIGTERM)
        status, said = await ended(process)
        await all_gone(pids)

    assert status == 1
    assert "ended at once" in said


async def test_what_the_engine_says_is_in_the_log(tmp_path: Path) -> None:
    async with pod_with_engine(tmp_path / "family") as process:
        process.send_signal(signal.SIGTERM)
        entries = await read_until(process, "service.stopped")

    said = [(entry["level"], entry["line"]) for entry in entries if entry["event"] == "engine.said"]
    assert said == [("warning", "WARNING 11-21 20:45:50 [launcher.py:254] the stand-in was asked to end")]


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({}, "GRAFTWORK_SOLVERS_VLLM_MODEL"),
        ({"GRAFTWORK_SOLVERS_VLLM_MODEL": "tiny", "OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "unset"),
    ],
)
async def test_settings_that_do_not_go_together_are_one_line(environment: dict[str, str], complaint: str) -> None:
    process = await started_process(GRAFTWORK_SOLVERS_BACKEND="vllm", **environment)
    status, said = await ended(process)

    assert status == 1
    assert complaint in said
    assert "Traceback" not in said
