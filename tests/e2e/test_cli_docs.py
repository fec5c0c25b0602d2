"""The commands of ``docs/cli.md`` on a whole platform, in one shell that ends at the first that fails."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.support.command import environment
from tests.support.documents import commands
from tests.support.platforms import RunningPlatform
from tests.support.scripted_model.script import Script

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platform"), pytest.mark.timeout(600)]

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


async def test_every_command_of_the_page_does_what_it_says(platform: RunningPlatform, tmp_path: Path) -> None:
    await platform.model.replace(Script(seed=7))
    place = environment(tmp_path / "home", {"GRAFTWORK_URL": platform.url, "GRAFTWORK_API_KEY": platform.key})
    path = f"{Path(sys.executable).parent}:{place['PATH']}"
    script = "\n".join(["set -euxo pipefail", *commands(PAGE)])

    process = await asyncio.create_subprocess_exec(
        "bash", "-c", script, env={**place, "PATH": path}, cwd=tmp_path, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = ((stream or b"").decode() for stream in await process.communicate())

    assert process.returncode == 0, f"{out[-2000:]}\n{err[-2000:]}"
    assert "lessons.yaml: fine: 5 rows, at most 2 iterations" in out
    assert "2 of 2 rows are good" in out
    assert "revises its workflow, and shows the result" in out
    assert "★ winner" in out
    assert list((tmp_path / "datasets").glob("*/data/train-*.parquet"))
    assert "is deleted" in out.splitlines()[-1]
