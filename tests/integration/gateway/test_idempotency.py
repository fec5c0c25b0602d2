"""Every route that takes an ``Idempotency-Key``: sent many times at once, again later, and with something else."""

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.api import Ids
from tests.support.api import Operation
from tests.support.api import operations
from tests.support.belongings import a_failed_job
from tests.support.belongings import a_job_in_review
from tests.support.belongings import an_ended_job
from tests.support.doors import SPEC
from tests.support.doors import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEADER = "Idempotency-Key"
KEYED = [one for one in operations() if HEADER in one.parameters("header")]
BODY_OF_ANOTHER: Mapping[str, Mapping[str, Any]] = {
    "submit_job": {"count": 999},
    "extend_job": {"rows": 501},
    "answer_review": {"decision": "approve", "feedback": None},
    "create_webhook": {"events": ["review.requested"]},
}


async def nothing(_gateway: Gateway) -> Ids:
    return {}


async def ended(gateway: Gateway) -> Ids:
    return {"job_id": (await an_ended_job(gateway))[0]}


async def failed(gateway: Gateway) -> Ids:
    return {"job_id": await a_failed_job(gateway)}


async def in_review(gateway: Gateway) -> Ids:
    return dict(zip(("job_id", "review_id"), await a_job_in_review(gateway), strict=True))


SCENES: Mapping[str, Callable[[Gateway], Awaitable[Ids]]] = {
    "submit_job": nothing,
    "extend_job": ended,
    "retry_job": failed,
    "answer_review": in_review,
    "create_webhook": nothing,
}
"""What has to be there before an operation can succeed; one that is new has to be named here."""


def named(operation: Operation) -> str:
    return operation.name


@pytest.mark.parametrize("operation", KEYED, ids=named)
async def test_what_is_sent_many_times_is_done_once_and_answered_alike(gateway: Gateway, operation: Operation) -> None:
    ids, headers = await SCENES[operation.name](gateway), {HEADER: "once"}
    at_once = await asyncio.gather(*(operation.send(gateway.http, ids, headers=headers) for _ in range(5)))
    later = await operation.send(gateway.http, ids, headers=headers)

    assert {answer.status_code for answer in at_once} <= {200, 201, 202}, at_once[0].text
    assert len({answer.status_code for answer in (*at_once, later)}) == 1
    assert len({answer.content for answer in (*at_once, later)}) == 1


async def test_requests_with_a_key_that_were_too_late_leave_nothing(gateway: Gateway) -> None:
    before, headers = gateway.specs, {HEADER: "once"}
    bodies = [SPEC] * 4 + [{**SPEC, "count": 4}] * 4
    answers = await asyncio.gather(*(gateway.http.post("/v1/jobs", json=body, headers=headers) for body in bodies))
    [job_id] = {answer.json()["id"] for answer in answers if answer.status_code == 202}

    assert {answer.status_code for answer in answers} == {202, 409}
    assert gateway.specs - before == {job_id}


@pytest.mark.parametrize("operation", KEYED, ids=named)
async def test_the_same_key_for_something_else_is_a_conflict(gateway: Gateway, operation: Operation) -> None:
    ids, headers = await SCENES[operation.name](gateway), {HEADER: "once"}
    first = await operation.send(gateway.http, ids, headers=headers)
    elsewhere = await gateway.http.post("/v1/webhooks", json={"url": "https://example.org/other"}, headers=headers)
    others = [elsewhere]
    if operation.takes_body:
        body = {**operation.body(), **BODY_OF_ANOTHER[operation.name]}
        others.append(await operation.send(gateway.http, ids, json=body, headers=headers))

    assert first.is_success, first.text
    assert {answer.status_code for answer in others} == {409}
    assert {answer.json()["type"] for answer in others} == {"urn:graftwork:problem:idempotency_conflict"}


@pytest.mark.parametrize("operation", KEYED, ids=named)
async def test_what_was_refused_can_be_sent_again_with_the_same_key(gateway: Gateway, operation: Operation) -> None:
    ids, headers = await SCENES[operation.name](gateway), {HEADER: "once"}
    refused = (
        await operation.send(gateway.http, ids, json={"unheard_of": 1}, headers=headers)
        if operation.takes_body
        else await operation.send(gateway.http, dict.fromkeys(ids, "nowhere"), headers=headers)
    )
    taken = await operation.send(gateway.http, ids, headers=headers)

    assert refused.status_code in {404, 422}
    assert taken.is_success, taken.text
