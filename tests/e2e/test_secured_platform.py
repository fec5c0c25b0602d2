"""A job through every service, with TLS and users everywhere, MongoDB's roles as in k8s, and all secrets in files."""

from pathlib import Path

import httpx
import pytest

from graftwork.client import AsyncGraftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.jobs import JobState
from graftwork.contracts.rest import PoolsView
from tests.support.platforms import watched
from tests.support.scripted_model.child import ScriptedModel
from tests.support.scripted_model.script import Script
from tests.support.secured import PASSWORD
from tests.support.secured import SecuredServer
from tests.support.secured_platform import MODEL_KEY
from tests.support.secured_platform import secured_platform

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SPEC = JobSpec.model_validate(
    {
        "name": "fractions",
        "task": "explanations of fractions for struggling third-graders, with examples from the kitchen",
        "count": 4,
        "search": {"iterations": 1, "evaluation_samples": 2, "patience": 20, "finalists": 1},
    }
)


async def test_a_job_goes_through_every_service_without_more_rights_and_no_secret_is_written(
    tmp_path: Path, secured_kafka: SecuredServer, secured_mongo: SecuredServer
) -> None:
    async with (
        ScriptedModel.started(Script(seed=7)) as model,
        secured_platform(tmp_path, secured_kafka, secured_mongo, model_url=model.base_url) as platform,
        AsyncGraftwork(platform.url, platform.key) as client,
        httpx.AsyncClient(base_url=platform.url, headers={"Authorization": f"Bearer {platform.key}"}) as http,
    ):
        created = await http.post("/v1/jobs", json=SPEC.model_dump(mode="json"), headers={"Idempotency-Key": "once"})
        events = await watched(client, created.json()["id"])
        pools = PoolsView.model_validate_json((await http.get("/v1/pools")).content).pools
        said = platform.said()

    end = events[-1].snapshot
    assert (end.state, end.production.accepted) == (JobState.SUCCEEDED, 4)
    assert {pool.pool: pool.problem for pool in pools} == dict.fromkeys(("optimizer", "evaluator", "generator"))
    assert "not authorized" not in said
    assert [secret for secret in (PASSWORD, MODEL_KEY, platform.key) if secret in said] == []
