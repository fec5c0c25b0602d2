"""What every call sends, once for both clients: they only pass it on."""

import json
from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from graftwork.client import Graftwork
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import IDEMPOTENCY_HEADER
from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyRequest
from graftwork.contracts.rest_admin import TenantLimits
from graftwork.contracts.rest_admin import WebhookCreated
from graftwork.contracts.rest_admin import WebhookEvent
from graftwork.contracts.rest_admin import WebhookList
from graftwork.contracts.rest_admin import WebhookRequest
from graftwork.contracts.rest_plans import Estimate
from graftwork.contracts.rest_plans import Estimated
from graftwork.contracts.rest_plans import PreviewView
from graftwork.contracts.rest_plans import ValidationView
from graftwork.contracts.rest_reviews import ReviewList
from graftwork.contracts.rest_reviews import ReviewState
from graftwork.contracts.rest_reviews import ReviewView
from graftwork.contracts.snapshots import SpendReport
from tests.support.canned_gateway import Gateway
from tests.support.canned_gateway import job

NOW = datetime(2026, 11, 21, tzinfo=UTC)
SPEC = JobSpec(task="Write word problems about fractions.", count=3)
WRITTEN = {"task": "Write word problems about fractions.", "count": 3}
VALID = ValidationView(estimate=Estimate(expected=Estimated(calls=90, tokens=1000)))
PREVIEW = PreviewView(workflow=None, samples=(), spent=SpendReport())
REVIEW = ReviewView(
    id="r1", job_id="job-1", job_name="fractions", task="t", state=ReviewState.OPEN, round=1, rounds=3,
    node_id="n0", samples_ok=8, opened_at=NOW,
)  # fmt: skip
KEY = KeyCreated(id="k1", tenant="team", name="ada", admin=False, hint="gw_ab", created_at=NOW, key="gw_abcdef")
LIMITS = TenantLimits(open_jobs=3)
EVENTS = (WebhookEvent.JOB_FINISHED,)
HOOK = WebhookCreated(id="w1", url="https://hooks.example.com/x", events=EVENTS, created_at=NOW, secret="whsec_x")
HOOK_WANTED = WebhookRequest.model_validate({"url": "https://hooks.example.com/x", "events": ["job.finished"]})
Asked = Callable[[Graftwork], Any]


@pytest.mark.parametrize(
    ("asked", "line", "sent", "answer"),
    [
        (lambda g: g.validate(SPEC), "POST /v1/jobs:validate", WRITTEN, VALID),
        (lambda g: g.preview(SPEC, rows=4), "POST /v1/jobs:preview?rows=4", WRITTEN, PREVIEW),
        (lambda g: g.extend("job-1", 50), "POST /v1/jobs/job-1/extend", {"rows": 50}, job()),
        (lambda g: g.retry("job-1"), "POST /v1/jobs/job-1/retry", None, job()),
        (lambda g: g.delete_job("job-1"), "DELETE /v1/jobs/job-1", None, None),
        (lambda g: g.delete_dataset("ds-1"), "DELETE /v1/datasets/ds-1", None, None),
        (
            lambda g: g.reviews(state=ReviewState.OPEN, cursor="x"), "GET /v1/reviews?state=open&cursor=x", None,
            ReviewList(items=(REVIEW,)),
        ),
        (lambda g: g.job_reviews("job-1"), "GET /v1/jobs/job-1/reviews", None, ReviewList(items=())),
        (lambda g: g.review("job-1", "job-1:review:1"), "GET /v1/jobs/job-1/reviews/job-1:review:1", None, REVIEW),
        (lambda g: g.approve("job-1", "r1"), "POST /v1/jobs/job-1/reviews/r1", {"decision": "approve"}, REVIEW),
        (
            lambda g: g.revise("job-1", "r1", "shorter"), "POST /v1/jobs/job-1/reviews/r1",
            {"decision": "revise", "feedback": "shorter"}, REVIEW,
        ),
        (lambda g: g.create_key(KeyRequest(tenant="team")), "POST /v1/admin/keys", {"tenant": "team"}, KEY),
        (lambda g: g.keys(), "GET /v1/admin/keys", None, KeyList(items=(KEY,))),
        (lambda g: g.revoke_key("k1"), "DELETE /v1/admin/keys/k1", None, None),
        (lambda g: g.tenant("team"), "GET /v1/admin/tenants/team", None, LIMITS),
        (lambda g: g.set_tenant("team", LIMITS), "PUT /v1/admin/tenants/team", {"open_jobs": 3}, LIMITS),
        (
            lambda g: g.add_webhook(HOOK_WANTED), "POST /v1/webhooks",
            {"url": "https://hooks.example.com/x", "events": ["job.finished"]}, HOOK,
        ),
        (lambda g: g.webhooks(), "GET /v1/webhooks", None, WebhookList(items=(HOOK,))),
        (lambda g: g.remove_webhook("w1"), "DELETE /v1/webhooks/w1", None, None),
    ],
)  # fmt: skip
def test_a_call_sends_what_the_api_asks_for(
    asked: Asked, line: str, sent: dict[str, Any] | None, answer: BaseModel | None
) -> None:
    content = answer.model_dump_json() if answer else ""
    gateway = Gateway(httpx.Response(200 if answer else 204, content=content))

    with Graftwork("http://gateway.test", transport=gateway.transport) as graftwork:
        told = asked(graftwork)

    (request,) = gateway.requests
    assert f"{request.method} {request.url.raw_path.decode()}" == line
    assert (json.loads(request.content) if request.content else None) == sent
    if isinstance(answer, KeyList | WebhookList):  # lists never hold a secret
        assert [each.id for each in told.items] == [each.id for each in answer.items]
    else:
        assert told == answer


@pytest.mark.parametrize(
    "asked", [lambda g: g.extend("job-1", 5), lambda g: g.retry("job-1"), lambda g: g.revise("job-1", "r1", "shorter")]
)
def test_what_may_be_done_only_once_goes_with_a_key(asked: Asked) -> None:
    gateway = Gateway(httpx.ReadError("broken"), httpx.ReadError("broken"))

    with (
        Graftwork("http://gateway.test", transport=gateway.transport, retry_seconds=(0,)) as graftwork,
        pytest.raises(Exception, match="broken"),
    ):
        asked(graftwork)

    first, second = (request.headers[IDEMPOTENCY_HEADER] for request in gateway.requests)
    assert first == second
