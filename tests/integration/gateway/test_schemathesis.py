"""Schemathesis reads the committed document, and finds no answer that it does not describe.

Two operations are left out, since they have no end here: an event stream lasts as long as its job, and a preview waits
for the search. Tests of their own try those.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from graftwork_gateway.settings import GatewaySettings
from tests.support.belongings import as_an_admin
from tests.support.doors import MAX_BODY_BYTES
from tests.support.doors import open_gateway

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "contracts" / "openapi.json"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ENDLESS = ["follow_job", "preview_job"]
CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
]
MAX_SECONDS = 30


@pytest.mark.timeout(240)
async def test_every_answer_is_one_that_the_document_describes(settings: GatewaySettings, tmp_path: Path) -> None:
    free = {"tenant_requests_per_minute": None, "tenant_open_jobs": None, "max_body_bytes": MAX_BODY_BYTES}
    async with open_gateway(settings.model_copy(update=free)) as gateway, as_an_admin(gateway) as admin:
        process = await asyncio.create_subprocess_exec(
            SCHEMATHESIS,
            "run",
            str(DOCUMENT),
            *("--url", str(gateway.http.base_url)),
            *("--header", f"Authorization: {admin.http.headers['authorization']}"),
            *("--checks", ",".join(CHECKS)),
            *(option for name in ENDLESS for option in ("--exclude-operation-id", name)),
            *("--phases", "examples,coverage,fuzzing"),
            *("--max-examples", "5"),
            *("--max-time", str(MAX_SECONDS)),
            *("--warnings", "off"),
            "--no-color",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
