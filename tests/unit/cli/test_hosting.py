import asyncio

import pytest

from graftwork.cli.connection import Server
from graftwork.cli.hosting import first_of
from graftwork.cli.hosting import with_server
from graftwork.cli.steps import Steps


class PlatformBroke(Exception):
    pass


class WorkFailed(Exception):
    pass


async def test_a_server_that_was_given_is_used_and_nothing_is_started() -> None:
    given = Server("http://gateway.test", "key")

    async def work(server: Server) -> Server:
        return server

    assert await with_server(given, Steps(), work) is given


async def test_the_work_gives_its_result_and_the_watch_ends_with_it() -> None:
    watch = Endless()

    assert await first_of(asyncio.sleep(0, "done"), watch) == "done"
    assert watch.cancelled


async def test_the_error_of_the_work_is_its_own() -> None:
    async def work() -> None:
        raise WorkFailed

    with pytest.raises(WorkFailed):
        await first_of(work(), Endless())


async def test_a_platform_that_breaks_down_ends_the_work() -> None:
    work = Endless()

    async def watch() -> None:
        raise PlatformBroke

    with pytest.raises(PlatformBroke):
        await first_of(work(), watch)

    assert work.cancelled


async def test_whoever_is_cancelled_leaves_nothing_running() -> None:
    work, watch = Endless(), Endless()
    whole = asyncio.ensure_future(first_of(work(), watch))
    await asyncio.gather(work.begun.wait(), watch.begun.wait())

    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole

    assert (work.cancelled, watch.cancelled) == (True, True)


class Endless:
    """Something that never ends by itself."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.cancelled = False

    async def __call__(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
