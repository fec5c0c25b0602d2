"""An endpoint that says our key back wherever it can, and everything that a pod and its callers tell of that."""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from graftwork.kit.errors import GraftworkError
from graftwork.kit.logging import configure_logging
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import Message
from graftwork_solvers.bootstrap import Pod
from tests.support.endpoints import running_endpoint
from tests.support.pods import client_of
from tests.support.pods import pod_settings
from tests.support.pods import running_pod
from tests.support.raw import generated
from tests.support.raw import message
from tests.support.raw import refused
from tests.support.streams import noisy_server

KEY = "sk-proj-never/to+be=seen-0123456789"
FORMS = {
    "itself": KEY,
    "URL-encoded": quote(KEY, safe=""),
    "base64": base64.b64encode(KEY.encode()).decode(),
    "basic": base64.b64encode(f":{KEY}".encode()).decode(),
}
SEEN = [*FORMS.values(), "never"]
FULL = {"429", "529"}  # for which the client would wait
SCHEMA = {"type": "object", "required": ["colour"]}
REQUEST = GenerateRequest(pool="generator", messages=(Message(role="user", content="hi"),), json_schema=SCHEMA)


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def error(status: int, **headers: str) -> Any:
    def made(form: str) -> web.StreamResponse:
        fields = {
            "message": f"you sent Bearer {form}, {form}",
            "param": form,
            "code": "unsupported_value",
            "type": form,
        }
        return web.json_response(
            {"error": fields}, status=status, headers={name: value.format(form) for name, value in headers.items()}
        )

    return made


def plain(text: str, status: int = 200) -> Any:
    return lambda form: web.Response(text=text.replace("KEY", form), status=status)


FAILURES = {
    **{str(status): error(status) for status in (400, 401, 402, 403, 404, 409, 413, 418, 422, 429, 500, 503, 529)},
    "redirect": lambda form: web.Response(status=307, headers={"location": f"https://evil.example/?key={quote(form)}"}),
    "headers": error(500, **{"retry-after": "{}", "x-request-id": "{}", "www-authenticate": "Bearer {}"}),
    "reason phrase": lambda form: web.Response(status=502, reason=form.replace("\n", "")),
    "HTML": plain("<html>authorization: Bearer KEY</html>"),
    "HTML that fails": plain("<html>authorization: Bearer KEY</html>", 500),
    "half JSON": plain('{"choices": [{"message": {"content": "KEY'),
    "a list": plain('["KEY"]'),
    "an error in a 200": plain('{"error": {"message": "KEY", "code": 502}}'),
    "an error in a choice": plain('{"choices": [{"error": {"message": "KEY", "code": 400}}]}'),
    "a field's name": plain('{"choices": [{"KEY": "KEY"}]}'),
    "an odd value": plain('{"choices": "KEY"}'),
}


def everywhere(form: str) -> web.StreamResponse:
    """Return a good answer that holds it in every field there is."""
    text = json.dumps({"colour": f"blue {form}"})
    message = {"role": form, "content": text, "reasoning_content": form, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": form, "logprobs": {"content": form}}
    usage = {"prompt_tokens": form, "completion_tokens": form, "total_tokens": form}
    answer = {"id": form, "model": form, "choices": [choice], "usage": usage, "system_fingerprint": form}
    return web.json_response(answer, headers={"x-key": form})


def says(made: Any) -> Any:
    """Chat, embed or list models by saying the key in all its forms at once."""

    async def chat(*_: Any) -> web.StreamResponse:
        response: web.StreamResponse = made(" ".join(FORMS.values()))
        return response

    return chat


async def told_over_http(pod: Pod) -> str:
    async with aiohttp.ClientSession() as session:
        pages = [await session.get(f"http://127.0.0.1:{pod.http.port}/{page}") for page in ("metrics", "readyz")]
        return "".join([await page.text() for page in pages])


def leaked(text: str) -> list[str]:
    return [form for form in SEEN if form in text]


async def test_the_key_goes_to_the_endpoint_and_nowhere_else(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    async with running_endpoint() as endpoint:
        settings = pod_settings(endpoint.url, api_key=KEY, log_level="debug", models={"generator": "tiny"})
        async with running_pod(settings) as pod, client_of(pod, unavailable_attempts=1) as client:
            configure_logging("solvers", settings)
            for name, made in FAILURES.items():
                endpoint.chat = endpoint.embed = endpoint.models = says(made)
                said.append((await refused(pod, message())).whole)
                with pytest.raises(GraftworkError) as raised:
                    await client.generate(REQUEST, timeout_seconds=0.2 if name in FULL else 20)
                said += [str(raised.value), repr(raised.value)]
                await pod.health.look()
                said.append(await told_over_http(pod))
            endpoint.chat = says(everywhere)
            said.append(str(await generated(pod, message())))
            said.append((await client.generate(REQUEST, timeout_seconds=20)).model_dump_json())
            said.append(await told_over_http(pod))

    output = capfd.readouterr()
    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
    assert output.err.count("call.failed") >= 2 * len(FAILURES)
    assert "blue ***" in said[-2]
    assert leaked(" ".join(said)) == []
    assert leaked(output.out + output.err) == []


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
async def test_a_server_that_is_no_http_server_cannot_make_us_say_it(form: str) -> None:
    told = []
    for noise in (
        f"HTTP/1.1 200 OK\r\n{form}\r\n\r\n",
        f"HTTP/1.1 {form}\r\n\r\n",
        f"{form}\r\n",
        f"HTTP/9 {form}\n\n",
    ):
        async with noisy_server(noise.encode()) as url:
            settings = pod_settings(url, api_key=KEY, models={"generator": "tiny"}, solvers_probe_seconds=0)
            async with running_pod(settings) as pod:
                told.append((await refused(pod, message())).whole)

    assert len(told) == 4
    assert leaked(" ".join(told)) == []


async def test_a_placeholder_does_not_cut_holes_into_answers() -> None:
    async def chat(_body: dict[str, Any]) -> web.StreamResponse:
        return web.json_response({"choices": [{"message": {"content": "none: true, null, not-needed"}}], "model": None})

    texts = []
    for key in ("n", "none", "null", "true", "not-needed"):
        async with running_endpoint(chat) as endpoint:
            settings = pod_settings(endpoint.url, api_key=key)
            async with running_pod(settings) as pod:
                texts.append((await generated(pod, message())).choices[0].text)

    assert texts == ["none: true, null, not-needed"] * 5


async def test_the_pod_s_own_variable_wins_over_the_one_that_every_client_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-everybody-0123456789")
    monkeypatch.setenv("GRAFTWORK_SOLVERS_API_KEY", KEY)

    async with running_endpoint() as endpoint, running_pod(pod_settings(endpoint.url)) as pod:
        await generated(pod, message())

    assert endpoint.headers[0]["authorization"] == f"Bearer {KEY}"
