import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiohttp import web

from graftwork.local.errors import KeyRefused
from graftwork.local.errors import NoAnswer
from graftwork.local.errors import NoModelApi
from graftwork.local.model import TINY_MODEL
from graftwork.local.model import model_server
from graftwork.local.server import Server
from graftwork.local.settings import LocalSettings
from tests.support.endpoints import error_answer
from tests.support.endpoints import refusing_endpoint
from tests.support.endpoints import running_endpoint

pytestmark = pytest.mark.tiny

HALF = {
    "type": "object",
    "properties": {"score": {"enum": [1, 2, 3, 4, 5]}, "why": {"type": "string", "maxLength": 60}},
    "required": ["score", "why"],
    "additionalProperties": False,
}


async def post(url: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=url, timeout=90) as client:
        answer = await client.post(path, json={"model": TINY_MODEL, **body})
    answer.raise_for_status()
    parsed: dict[str, Any] = answer.json()
    return parsed


async def chat(url: str, text: str, **options: Any) -> str:
    body = {"messages": [{"role": "user", "content": text}], "max_tokens": 100, **options}
    answer = await post(url, "/chat/completions", body)
    content: str = answer["choices"][0]["message"]["content"]
    return content


async def test_it_chats_with_two_callers_at_once(tiny_model_url: str) -> None:
    answers = await asyncio.gather(*(chat(tiny_model_url, f"What is {n} plus {n}?", max_tokens=12) for n in (1, 2)))

    assert all(answer.strip() for answer in answers)


async def test_it_obeys_a_json_schema(tiny_model_url: str) -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "half", "schema": HALF, "strict": True}}

    answer = json.loads(await chat(tiny_model_url, "Rate: one half is 2/4.", response_format=schema, temperature=0))

    assert answer["score"] in {1, 2, 3, 4, 5}
    assert len(answer["why"]) <= 60


async def test_it_embeds_and_alike_texts_lie_nearer(tiny_model_url: str) -> None:
    texts = ["The cat sat on the mat.", "A cat was sitting on a mat.", "Interest rates rose by 2 percent."]

    answer = await post(tiny_model_url, "/embeddings", {"input": texts})
    cat, alike, other = (item["embedding"] for item in answer["data"])

    assert len(cat) == 576
    assert similarity(cat, alike) > similarity(cat, other)


async def test_each_of_its_two_slots_holds_four_thousand_tokens(tiny_model_url: str) -> None:
    async with httpx.AsyncClient() as client:
        slots = (await client.get(tiny_model_url.removesuffix("/v1") + "/slots")).json()

    assert [slot["n_ctx"] for slot in slots] == [4096, 4096]


async def test_no_web_page_may_ask_it(tiny_model_url: str) -> None:
    async with httpx.AsyncClient(headers={"Origin": "https://example.org"}) as client:
        answer = await client.get(f"{tiny_model_url}/models")

    assert answer.headers.get("Access-Control-Allow-Origin") not in {"*", "https://example.org"}


async def test_a_given_endpoint_wins(tmp_path: Path, tiny_model_url: str) -> None:
    async with model_server(tmp_path / "unused", tiny_model_url) as server:
        assert server == Server("The model endpoint", tiny_model_url, process=None)

    assert not (tmp_path / "unused").exists()


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/v1", "nonsense"])
async def test_a_dead_endpoint_is_told(tmp_path: Path, address: str) -> None:
    with pytest.raises(NoAnswer, match=f"The model endpoint does not answer at {address}: .*OPENAI_BASE_URL"):
        async with model_server(tmp_path, address):
            pass


@pytest.mark.parametrize(
    ("key", "message"), [(None, "wants a key, and OPENAI_API_KEY is not set"), ("wrong", "refuses the key")]
)
async def test_a_missing_key_and_a_wrong_one_are_told(tmp_path: Path, key: str | None, message: str) -> None:
    async with refusing_endpoint() as address:
        with pytest.raises(KeyRefused, match=message):
            async with model_server(tmp_path, address, settings=LocalSettings(openai_api_key=key)):
                pass


async def test_an_address_without_the_api_is_told_with_what_is_mostly_missing(tmp_path: Path) -> None:
    async with running_endpoint() as endpoint:
        without_v1 = endpoint.url.removesuffix("/v1")
        with pytest.raises(NoModelApi, match=r"Nothing OpenAI-compatible is at .*/chat/completions says 404.*/v1"):
            async with model_server(tmp_path, without_v1):
                pass


async def misses_what_chat_needs(_body: dict[str, Any]) -> web.Response:
    return error_answer(400, "you must provide a model parameter")


@pytest.mark.parametrize("status", [404, 401, 403])
async def test_an_endpoint_that_lists_no_models_will_do_if_it_chats(tmp_path: Path, status: int) -> None:
    async def nothing() -> web.Response:
        return web.Response(status=status)

    async with running_endpoint(misses_what_chat_needs) as endpoint:
        endpoint.models = nothing
        async with model_server(tmp_path, endpoint.url) as server:
            assert server.address == endpoint.url


def similarity(left: list[float], right: list[float]) -> float:
    """Cosine; the server answers vectors of length 1."""
    return sum(a * b for a, b in zip(left, right, strict=True))
