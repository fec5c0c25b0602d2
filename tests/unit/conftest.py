"""Loops of unit tests are in asyncio's debug mode. Tests that talk to servers run without: it doubles their time."""

import asyncio
import inspect

import pytest
import pytest_asyncio


@pytest_asyncio.fixture
async def loop_in_debug_mode() -> None:
    asyncio.get_running_loop().set_debug(True)


@pytest.fixture(autouse=True)
def debug_mode_of_coroutines(request: pytest.FixtureRequest) -> None:
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("loop_in_debug_mode")
