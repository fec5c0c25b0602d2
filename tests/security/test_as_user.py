"""The same as an ordinary user, whose sandboxes are built by other means than root's: a part of the list."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.support.walls import EVERY_WALL
from tests.support.walls import python_as_nobody
from tests.support.walls import standing

ROOT = Path(__file__).parents[2]
FEWEST = 100


@pytest.mark.parametrize("place", EVERY_WALL)
async def test_every_attempt_is_refused_for_an_ordinary_user(place: str) -> None:
    standing(place)  # type: ignore[arg-type]
    command = [*python_as_nobody(), "-m", "tests.security.as_user", place]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env={"PATH": os.environ["PATH"]}, stdout=PIPE)
    said, _ = await process.communicate()
    told = json.loads(said)
    assert told["through"] == []
    assert told["attempts"] >= FEWEST
