"""CPython behind a wall; nothing of this folder runs it without one."""

from collections.abc import AsyncIterator

import pytest

from graftwork_runner.walls import WallChoice
from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches


@pytest.fixture
def wall(request: pytest.FixtureRequest) -> WallChoice:
    """Bubblewrap, unless the test names others."""
    chosen: WallChoice = getattr(request, "param", "bubblewrap")
    return chosen


@pytest.fixture
def benches(wall: WallChoice) -> Benches:
    """For tests that choose limits."""
    return Benches("cpython", wall)


@pytest.fixture
async def bench(benches: Benches) -> AsyncIterator[Bench]:
    """A bench with the usual limits."""
    async with benches.open() as bench:
        yield bench
