"""A real browser for tests of what people look at."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browser import NAMES
from tests.support.browser import Page
from tests.support.browser import browser_page
from tests.support.browser import find_browser


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Page]:
    """An empty page; skips where there is no browser."""
    if find_browser() is None:
        pytest.skip(f"no browser here: none of {', '.join(NAMES)} is on PATH")
    async with browser_page(tmp_path / "profile") as page:
        yield page
