import asyncio
import json
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from aiohttp.test_utils import TestServer
from jsonschema import Draft202012Validator

from tests.support.eventually import assert_eventually
from tests.support.scripted_model import Behaviour
from tests.support.scripted_model import Fault
from tests.support.scripted_model import Planned
from tests.support.scripted_model import Script
from tests.support.scripted_model.app import Server
from tests.unit.support import asking

Client = TestClient[web.Request, web.Application]
Start = Callable[[Script], Awaitable[Client]]

FOR_EVER = Behaviour(straggler_ms=3_600_000)
STUCK = Planned(fault=Fault.STRAGGLER)
JUDGE = asking.body("Quality marker q=0.500", role="judge_workflow")


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    clients: list[Client] = []

    async def started(script: Script) -> Client:
        client: Client = TestClient(TestServer(Server(script).app(), host="127.0.0.1"))
        clients.append(client)
        await client.start_server()
        return client

    yield started
    for client in clients:
        await client.close()


async def chat(client: Client, body: dict[str, Any]) -> tuple[int, str]:
    async with client.post("/v1/chat/completions", json=body) as response:
        return response.status, await response.text()


async def completion(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    status, text = await chat(client, body)
    assert status == 200
    found: dict[str, Any] = json.loads(text)
    return found


async def content(client: Client, body: dict[str, Any]) -> str:
    whole = await completion(client, body)
    return str(whole["choices"][0]["message"]["content"])


async def stats(client: Client) -> dict[str, Any]:
    async with client.get("/stats") as response:
        found: dict[str, Any] = await response.json()
    return found


def failing(fault: Fault, **behaviour: Any) -> Script:
    return Script(behaviour=Behaviour(**behaviour), next=(Planned(fault=fault),))


async def test_a_completion_has_usage_in_bytes_over_four(start: Start) -> None:
    whole = await completion(await start(Script()), asking.body("a" * 100))
    prompt_bytes = 100 + len('Code calls ctx.llm("example", x=1).')
    written = len(whole["choices"][0]["message"]["content"].encode())
    assert whole["usage"]["prompt_tokens"] == -(-prompt_bytes // 4)
    assert whole["usage"]["completion_tokens"] == -(-written // 4)
    assert whole["choices"][0]["finish_reason"] == "stop"


async def test_n_choices_differ(start: Start) -> None:
    whole = await completion(await start(Script()), asking.body("Topic: halves", n=3))
    assert len({choice["message"]["content"] for choice in whole["choices"]}) == 3


async def test_two_servers_with_one_seed_answer_alike(start: Start) -> None:
    one, two, other = [await start(Script(seed=seed)) for seed in (5, 5, 6)]
    assert await content(one, JUDGE) == await content(two, JUDGE)
    assert await content(one, asking.body("x")) != await content(other, asking.body("x"))


async def test_a_stream_ends_with_usage(start: Start) -> None:
    client = await start(Script())
    _, text = await chat(client, asking.body("Topic: halves", stream=True))
    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    pieces = [json.loads(event) for event in events[:-1]]
    said = "".join(piece["choices"][0]["delta"].get("content", "") for piece in pieces[:-1])
    assert said.strip() == await content(client, asking.body("Topic: halves", stream=False)) or "halves" in said
    assert pieces[-1]["usage"]["completion_tokens"] > 0
    assert events[-1] == "[DONE]"


async def test_embeddings_of_like_texts_are_near(start: Start) -> None:
    client = await start(Script())
    texts = ["Clarity: steps are said plainly", "Clear steps: each step is plain", "Budget of the shipping department"]
    async with client.post("/v1/embeddings", json={"model": "scripted", "input": texts}) as response:
        a, b, c = [one["embedding"] for one in (await response.json())["data"]]
    near, far = (sum(x * y for x, y in zip(a, other, strict=True)) for other in (b, c))
    assert near > far + 0.2


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.OVERLOADED, 429), (Fault.SERVER_ERROR, 503), (Fault.REFUSED, 400)]
)
async def test_refusals_come_with_a_status_and_an_error_body(start: Start, fault: Fault, status: int) -> None:
    client = await start(failing(fault))
    found, text = await chat(client, JUDGE)
    assert found == status
    assert json.loads(text)["error"]["message"]
    assert (await stats(client))["answered"] == 0


async def test_an_overloaded_server_says_when_to_come_back(start: Start) -> None:
    client = await start(failing(Fault.OVERLOADED, retry_after_seconds=2.5))
    async with client.post("/v1/chat/completions", json=JUDGE) as response:
        assert response.headers["Retry-After"] == "2.5"


async def test_a_disconnect_cuts_the_connection(start: Start) -> None:
    client = await start(failing(Fault.DISCONNECT))
    with pytest.raises(aiohttp.ClientConnectionError):
        await chat(client, JUDGE)


async def test_html_comes_with_status_200(start: Start) -> None:
    assert (await chat(await start(failing(Fault.HTML)), JUDGE))[1].startswith("<!doctype html>")


@pytest.mark.parametrize("fault", [Fault.BROKEN_BODY, Fault.HTML])
async def test_a_broken_body_is_not_json(start: Start, fault: Fault) -> None:
    status, text = await chat(await start(failing(fault)), JUDGE)
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


async def test_usage_can_be_missing(start: Start) -> None:
    assert "usage" not in await completion(await start(failing(Fault.MISSING_USAGE)), JUDGE)


@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.PROSE, Fault.TRUNCATED, Fault.EMPTY])
async def test_spoilt_content_is_not_json(start: Start, fault: Fault) -> None:
    found = await content(await start(failing(fault)), JUDGE)
    with pytest.raises(json.JSONDecodeError):
        json.loads(found)


async def test_truncated_content_says_so(start: Start) -> None:
    whole = await completion(await start(failing(Fault.TRUNCATED)), JUDGE)
    assert whole["choices"][0]["finish_reason"] == "length"


async def test_scores_out_of_range_parse_and_break_the_schema(start: Start) -> None:
    found = json.loads(await content(await start(failing(Fault.OUT_OF_RANGE)), JUDGE))
    assert not Draft202012Validator(asking.SCHEMAS["judge_workflow"]).is_valid(found)
    assert found["code"]["clarity"] > 5


async def test_only_the_planned_calls_of_the_planned_role_fail(start: Start) -> None:
    client = await start(Script(next=(Planned(role="judge_workflow", fault=Fault.SERVER_ERROR, count=2),)))
    statuses = [(await chat(client, body))[0] for body in (asking.body("x"), JUDGE, JUDGE, JUDGE)]
    assert statuses == [200, 503, 503, 200]


async def test_rates_fail_that_share_of_calls_and_a_retry_may_succeed(start: Start) -> None:
    client = await start(Script(behaviour=Behaviour(rates={Fault.SERVER_ERROR: 0.5})))
    statuses = [(await chat(client, JUDGE))[0] for _ in range(40)]
    assert 8 <= statuses.count(503) <= 32
    assert statuses.count(503) + statuses.count(200) == 40


async def test_rates_of_a_role_are_its_own(start: Start) -> None:
    client = await start(Script(roles={"judge_workflow": {"rates": {"empty": 1.0}}}))
    assert await content(client, JUDGE) == ""
    assert await content(client, asking.body("x"))


async def test_calls_beyond_the_cap_are_refused_and_counted(start: Start) -> None:
    client = await start(Script(behaviour=FOR_EVER.model_copy(update={"max_in_flight": 2}), next=(STUCK, STUCK)))
    async with stuck_calls(client, 2):
        statuses = [(await chat(client, asking.body(f"{k}")))[0] for k in range(3)]
        report = await stats(client)
    assert statuses == [429, 429, 429]
    assert (report["calls"], report["answered"], report["in_flight"]) == (5, 0, 2)
    assert report["faults"] == {"overloaded": 3, "straggler": 2}


async def test_a_cap_of_a_role_counts_that_role_only(start: Start) -> None:
    client = await start(Script(roles={"judge_workflow": {"max_in_flight": 1}}, behaviour=FOR_EVER, next=(STUCK,)))
    async with stuck_calls(client, 1):
        assert (await chat(client, JUDGE))[0] == 200


async def test_a_straggler_is_overtaken(start: Start) -> None:
    client = await start(Script(behaviour=FOR_EVER, next=(STUCK,)))
    async with stuck_calls(client, 1) as calls:
        await completion(client, asking.body("quick"))
        assert not calls[0].done()


@asynccontextmanager
async def stuck_calls(client: Client, count: int) -> AsyncIterator[list[asyncio.Task[dict[str, Any]]]]:
    """That many calls in flight, for as long as the block lasts."""

    async def in_flight() -> Any:
        found: int = (await stats(client))["in_flight"]
        assert found == count
        return found

    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(completion(client, asking.body(f"stuck {k}"))) for k in range(count)]
        await assert_eventually(in_flight)
        yield calls
        for call in calls:
            call.cancel()


async def test_stats_tell_calls_tokens_and_repetitions_by_role(start: Start) -> None:
    client = await start(Script())
    for body in (JUDGE, JUDGE, asking.body("x")):
        await completion(client, body)
    report = await stats(client)
    assert {role: (one["answered"], one["repeated"]) for role, one in report["roles"].items()} == {
        "generation": (1, 0),
        "judge_workflow": (2, 1),
    }
    assert report["prompt_tokens"] == sum(one["prompt_tokens"] for one in report["roles"].values())
    assert report["peak_in_flight"] == 1


async def test_a_retry_of_a_failed_call_is_no_repetition(start: Start) -> None:
    client = await start(failing(Fault.SERVER_ERROR))
    await chat(client, JUDGE)
    await chat(client, JUDGE)
    assert (await stats(client))["repeated"] == 0


async def test_reset_clears_the_counters_and_keeps_the_script(start: Start) -> None:
    client = await start(Script(roles={"judge_workflow": {"rates": {"server_error": 1.0}}}))
    await chat(client, JUDGE)
    await client.post("/reset")
    assert (await stats(client))["calls"] == 0
    assert (await chat(client, JUDGE))[0] == 503


async def test_requests_can_be_read_back(start: Start) -> None:
    client = await start(Script())
    await chat(client, asking.body("x"))
    await chat(client, JUDGE)
    async with client.get("/requests", params={"role": "judge_workflow"}) as response:
        assert await response.json() == [{"role": "judge_workflow", "body": JUDGE}]


async def test_a_script_is_merged_by_post_and_replaced_by_put(start: Start) -> None:
    client = await start(Script(seed=4, behaviour=Behaviour(latency_ms=1)))
    planned = {"role": "*", "fault": "empty"}
    await client.post("/script", json={"behaviour": {"jitter_ms": 2}, "next": [planned]})
    async with client.get("/script") as response:
        merged = await response.json()
    assert (merged["seed"], merged["behaviour"]["latency_ms"], merged["behaviour"]["jitter_ms"]) == (4, 1, 2)
    assert merged["next"] == [{**planned, "count": 1}]
    async with client.put("/script", json={"seed": 9}) as response:
        assert await response.json() == Script(seed=9).model_dump(mode="json")


@pytest.mark.parametrize("wrong", [{"sed": 1}, {"behaviour": {"rates": {"empty": 2}}}, {"roles": {"x": {"y": 1}}}])
async def test_a_wrong_script_is_refused_and_the_old_one_stays(start: Start, wrong: dict[str, Any]) -> None:
    client = await start(Script(seed=4))
    async with client.post("/script", json=wrong) as response:
        assert response.status == 422
    async with client.get("/script") as response:
        assert (await response.json())["seed"] == 4


async def test_a_wrong_key_is_refused(start: Start) -> None:
    client = await start(Script(api_key="right"))
    assert (await chat(client, JUDGE))[0] == 401


@pytest.mark.parametrize("wrong", [{}, {"messages": []}, {"messages": [{"role": "user", "content": 3}]}])
async def test_what_is_no_chat_call_is_a_bad_request(start: Start, wrong: dict[str, Any]) -> None:
    assert (await chat(await start(Script()), wrong))[0] == 400
