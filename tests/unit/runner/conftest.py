"""The real sandbox. Every test has its own pool: workers start in milliseconds."""

from collections.abc import AsyncIterator

import pytest

from tests.support.workflow_bench import Bench
from tests.support.workflow_bench import Benches


@pytest.fixture
def runtime(request: pytest.FixtureRequest) -> str:
    """Monty, unless the test says ``every_runtime``."""
    return str(getattr(request, "param", "monty"))


@pytest.fixture
def benches(runtime: str) -> Benches:
    """For tests that choose limits or need several benches."""
    return Benches(runtime)


@pytest.fixture
async def bench(benches: Benches) -> AsyncIterator[Bench]:
    """A bench with the usual limits."""
    async with benches.open() as bench:
        yield bench
