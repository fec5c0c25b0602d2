"""What a shell is told of a platform that is only starting."""

import asyncio
import os
from pathlib import Path

from graftwork.local.state import PlatformState
from tests.support.command import COMMAND
from tests.support.command import environment
from tests.support.command import graftwork


async def test_a_shell_can_wait_for_the_platform_that_is_starting(tmp_path: Path) -> None:
    waiting = await asyncio.create_subprocess_exec(
        *COMMAND, "env", "--wait", env=environment(tmp_path, {}), stdout=asyncio.subprocess.PIPE
    )
    at_once = await graftwork(tmp_path, "env")
    assert waiting.returncode is None

    PlatformState("http://127.0.0.1:8765", "gw_1", os.getpid()).write(tmp_path)
    told, _ = await waiting.communicate()

    assert at_once.status == 3
    assert told.decode() == "export GRAFTWORK_URL=http://127.0.0.1:8765\nexport GRAFTWORK_API_KEY=gw_1\n"


async def test_a_server_that_the_environment_names_wrongly_is_told_as_such(tmp_path: Path) -> None:
    ended = await graftwork(tmp_path, "jobs", "list", GRAFTWORK_URL="http://127.0.0.1:9", GRAFTWORK_API_KEY="gw_1")

    assert ended.status == 3
    assert "http://127.0.0.1:9 (from GRAFTWORK_URL: unset it to use another)" in ended.stderr
