"""Schemathesis reads the committed document, and finds no answer that it does not describe.

It asks as an admin who has one of everything, and its paths name those: behind a 404 there is little to find.

Two operations are left out, since they have no end here: an event stream lasts as long as its job, and a preview waits
for the search. Tests of their own try those.
"""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from graftwork_gateway.settings import GatewaySettings
from tests.support.api import operations
from tests.support.belongings import Belongings
from tests.support.belongings import as_an_admin
from tests.support.belongings import one_of_everything
from tests.support.doors import MAX_BODY_BYTES
from tests.support.doors import open_gateway

ROOT = Path(__file__).parents[3]
DOCUMENT = ROOT / "docs" / "contracts" / "openapi.json"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
ENDLESS = ["follow_job", "preview_job"]
LASTING = ["delete_job", "delete_dataset", "delete_webhook", "revoke_key"]
"""What would take from the others what they ask for; of these, ids are made up."""
SHOWN = [one.path for one in operations() if one.method == "GET" and one.ids and one.name not in ENDLESS]
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


def config(mine: Belongings) -> str:
    """Real ids for every path parameter, but not for what would delete them."""
    lines = [
        "[parameters]",
        *(f"{json.dumps(f'path.{name}')} = {json.dumps(value)}" for name, value in mine.ids.items()),
    ]
    for name in LASTING:
        lines += ["[[operations]]", f'include-operation-id = "{name}"', "[operations.parameters]"]
        lines += [f'"path.{one}" = "none"' for one in ("job_id", "dataset_id", "webhook_id", "key_id")]
    lines += ["[[operations]]", 'include-operation-id = "download_dataset"']
    lines += ['parameters = {"query.path" = "README.md"}']
    return "\n".join(lines)


def shown(path: str) -> float:
    """How often this was answered with what it is about."""
    labels = {"method": "GET", "route": path, "status": "200"}
    return REGISTRY.get_sample_value("graftwork_gateway_http_seconds_count", labels) or 0.0


@pytest.mark.timeout(240)
async def test_every_answer_is_one_that_the_document_describes(settings: GatewaySettings, tmp_path: Path) -> None:
    free = {"tenant_requests_per_minute": None, "tenant_open_jobs": None, "max_body_bytes": MAX_BODY_BYTES}
    async with open_gateway(settings.model_copy(update=free)) as gateway, as_an_admin(gateway) as admin:
        (tmp_path / "schemathesis.toml").write_text(config(await one_of_everything(admin)))
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
    assert [path for path in SHOWN if not shown(path)] == []
