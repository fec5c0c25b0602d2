import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from graftwork.local.errors import ServerDied
from graftwork.local.errors import ServiceGaveUp
from graftwork.local.kept import KeptProcess
from graftwork.local.process import OwnedProcess
from tests.support.eventually import assert_eventually
from tests.support.processes import assert_gone

SLEEPER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
MORTAL = "import sys; print('fatal: no such luck'); sys.exit(3)"


class Keeper:
    """A kept script, and what was told of it."""

    def __init__(
        self, directory: Path, script: str, *, backoff_seconds: tuple[float, ...] = (0, 0), ready: str = ""
    ) -> None:
        self._ready = ready
        self.log_path = directory / "script.log"
        self.told: list[str] = []
        self.process = OwnedProcess("The script", [sys.executable, "-c", script], log_path=self.log_path)
        self.kept = KeptProcess(
            self.process,
            self._says_something,
            start_timeout_seconds=30,
            backoff_seconds=backoff_seconds,
            on_progress=self.told.append,
        )

    async def _says_something(self) -> bool:
        text = self.log_path.read_text()
        return text != "" and self._ready in text

    @asynccontextmanager
    async def keeping(self) -> AsyncIterator[asyncio.Task[None]]:
        await self.kept.start()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(self.kept.keep())
            try:
                yield keeping
            finally:
                keeping.cancel()
        await self.kept.stop()


async def test_a_process_that_is_killed_is_started_again(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, SLEEPER)

    async with keeper.keeping():
        first = keeper.process.pid
        os.kill(first, signal.SIGKILL)
        await assert_eventually(lambda: assert_told(keeper.told, 3))
        second = keeper.process.pid

    ready, death, ready_again = keeper.told
    assert (ready, ready_again) == ("The script is ready", "The script is ready")
    assert death.startswith("The script was killed by signal 9")
    assert death.endswith("starting it again in 0 s")
    assert second != first
    assert_gone(second)


def assert_told(told: list[str], lines: int) -> None:
    assert len(told) == lines


async def test_one_that_dies_before_it_is_of_use_the_first_time_is_an_error(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, "import sys; sys.exit('fatal: bad setting')", ready="never said")

    with pytest.raises(ServerDied, match="fatal: bad setting"):
        await keeper.kept.start()


async def test_one_that_dies_again_and_again_is_given_up_with_its_last_words(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, MORTAL, backoff_seconds=(0, 0))

    with pytest.raises(ServiceGaveUp) as caught:
        await keeper.kept.keep()

    first, *last_lines = str(caught.value).splitlines()
    assert first.startswith("The script ended 3 times in a row. The script ended with status 3")
    assert last_lines == ["    fatal: no such luck"]
