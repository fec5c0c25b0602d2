import stat
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from graftwork.kit.errors import DependencyDown
from graftwork_solvers.engine_door import EngineDoor
from graftwork_solvers.engine_door import private_directory
from graftwork_solvers.errors import EngineGone
from graftwork_solvers.errors import MalformedAnswer

Answer = Callable[[httpx.Request], httpx.Response]


def door(answer: Answer) -> EngineDoor:
    return EngineDoor(httpx.MockTransport(answer))


def says(status: int, text: str = "") -> Answer:
    return lambda _request: httpx.Response(status, text=text)


def raises(error: Exception) -> Answer:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise error

    return answer


async def test_one_that_is_well_is_believed() -> None:
    await door(says(200)).check()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (says(503), "says that it is dead: 503 at /health"),
        (raises(httpx.ConnectError("refused")), "does not answer: refused"),
        (raises(httpx.ReadError("")), "does not answer: ReadError"),
    ],
)
async def test_one_that_is_dead_or_away_is_gone_without_a_doubt(answer: Answer, said: str) -> None:
    with pytest.raises(EngineGone, match=said):
        await door(answer).check()


async def test_one_that_is_slow_may_be_alive() -> None:
    with pytest.raises(DependencyDown) as slow:
        await door(raises(TimeoutError())).check()

    assert not isinstance(slow.value, EngineGone)


async def test_it_tells_its_version() -> None:
    assert await door(says(200, '{"version": "0.32.0"}')).version() == "0.32.0"


@pytest.mark.parametrize("answer", ["<html>", "{}", '{"version": 3}'])
async def test_what_is_no_version_is_an_error(answer: str) -> None:
    with pytest.raises(MalformedAnswer):
        await door(says(200, answer)).version()


def test_the_socket_lies_where_nobody_else_comes_under_a_short_name() -> None:
    with private_directory() as directory:
        mode = stat.S_IMODE(Path(directory).stat().st_mode)
        longest = len(f"{directory}/12345678-1234-1234-1234-123456789012")

    assert (mode, Path(directory).exists()) == (0o700, False)
    assert longest < 108


def test_a_long_name_for_temporary_files_is_not_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    long = tmp_path / ("x" * 80)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))

    with private_directory() as directory:
        assert not directory.startswith(str(long))
