"""A service that dies of a mistake of ours says so as it says everything: in lines of JSON, and without its secrets."""

import json
import subprocess
import sys

import pytest

SECRET = "hunter2-and-more"  # nobody's
PROGRAM = """
from graftwork.kit.service import serve
from graftwork.kit.settings import ServiceSettings

settings = ServiceSettings()

async def build():
    raise RuntimeError(f"cannot make anything of {settings.mongo}")

serve(build, settings, "runner")
"""


@pytest.mark.parametrize("where", ["mongodb://user:{}@127.0.0.1:1/?replicaSet=rs0"])
def test_a_crash_is_a_line_of_the_log_that_hides_what_is_secret(where: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM],
        env={"GRAFTWORK_MONGO": where.format(SECRET), "GRAFTWORK_LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [json.loads(line) for line in [*ended.stdout.splitlines(), *ended.stderr.splitlines()]]
    [crash] = [line for line in lines if line["event"] == "service.crashed"]

    assert ended.returncode == 1
    assert (crash["level"], crash["service"]) == ("critical", "runner")
    assert crash["exception"][0]["exc_type"] == "RuntimeError"
    assert crash["exception"][0]["exc_value"].startswith("cannot make anything of mongodb://")
    assert SECRET not in ended.stdout + ended.stderr
