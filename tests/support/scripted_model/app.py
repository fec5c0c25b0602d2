"""The server: routes, faults on the wire, and the control routes ``/script``, ``/stats``, ``/requests``, ``/reset``."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from tests.support.scripted_model import answers
from tests.support.scripted_model import faults
from tests.support.scripted_model import wire
from tests.support.scripted_model.conversation import BadCallError
from tests.support.scripted_model.conversation import ChatCall
from tests.support.scripted_model.draws import Draws
from tests.support.scripted_model.instances import UnsupportedSchemaError
from tests.support.scripted_model.script import EMBEDDINGS
from tests.support.scripted_model.script import Behaviour
from tests.support.scripted_model.script import Fault
from tests.support.scripted_model.script import Script
from tests.support.scripted_model.stats import Stats

_MAX_BODY_BYTES = 64 << 20

Reply = Callable[[Fault | None], Awaitable[web.StreamResponse]]


class Server:
    """One script, one set of counters. All state lives here; answers depend on seed and request alone."""

    def __init__(self, script: Script) -> None:
        self.stats = Stats()
        self.adopt(script)

    def app(self) -> web.Application:
        """The application to serve."""
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_post("/v1/chat/completions", self.chat)
        app.router.add_post("/v1/embeddings", self.embed)
        app.router.add_get("/v1/models", self.models)
        app.router.add_get("/stats", self.report)
        app.router.add_get("/requests", self.requests)
        app.router.add_post("/reset", self.reset)
        app.router.add_get("/script", self.show_script)
        app.router.add_put("/script", self.replace_script)
        app.router.add_post("/script", self.change_script)
        return app

    def adopt(self, script: Script) -> None:
        """Follow ``script`` from now on; what was planned before is dropped."""
        self.script = script.model_copy(update={"next": ()})
        self.plan = faults.Plan(script.next)
        self._behaviours: dict[str, Behaviour] = {}

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/chat/completions``."""
        raw = await request.read()
        try:
            body = json.loads(raw)
            call = ChatCall.parse(body)
        except (json.JSONDecodeError, BadCallError) as error:
            return wire.error(400, str(error), code="invalid_request_error")
        digest = _digest(raw)
        self.stats.requests.append({"role": call.role, "body": body})

        async def reply(fault: Fault | None) -> web.StreamResponse:
            return await self._completion(request, call, digest, fault)

        return await self._served(request, call.role, digest, reply)

    async def embed(self, request: web.Request) -> web.StreamResponse:
        """``POST /v1/embeddings``."""
        raw = await request.read()
        try:
            body = json.loads(raw)
            texts = [body["input"]] if isinstance(body["input"], str) else [str(text) for text in body["input"]]
        except (ValueError, KeyError, TypeError) as error:
            return wire.error(400, f"input must be a string or a list: {error}", code="invalid_request_error")
        digest = _digest(raw)

        async def reply(fault: Fault | None) -> web.StreamResponse:
            whole = wire.embeddings(texts, model=body.get("model") or self.script.models[0])
            return self._counted(whole, EMBEDDINGS, digest, (sum(len(text.encode()) for text in texts), 0), fault)

        return await self._served(request, EMBEDDINGS, digest, reply)

    async def models(self, _request: web.Request) -> web.Response:
        """``GET /v1/models``."""
        return web.json_response(wire.models(self.script.models))

    async def report(self, _request: web.Request) -> web.Response:
        """``GET /stats``."""
        return web.json_response(self.stats.report())

    async def requests(self, request: web.Request) -> web.Response:
        """``GET /requests?role=``: bodies of the latest chat calls, oldest first."""
        role = request.query.get("role")
        return web.json_response([one for one in self.stats.requests if role in {None, one["role"]}])

    async def reset(self, _request: web.Request) -> web.Response:
        """``POST /reset``: new counters; calls still in flight end on the old ones. The script stays."""
        self.stats = Stats()
        return web.json_response({})

    async def show_script(self, _request: web.Request) -> web.Response:
        """``GET /script``: the script, with what is still planned."""
        return _script_response(self.script.model_copy(update={"next": self.plan.waiting}))

    async def replace_script(self, request: web.Request) -> web.Response:
        """``PUT /script``: this script and nothing else."""
        return self._adopted(Script.model_validate, await request.read(), keep_plan=False)

    async def change_script(self, request: web.Request) -> web.Response:
        """``POST /script``: merge these fields; ``next`` is added to what is planned."""
        return self._adopted(self.script.changed, await request.read(), keep_plan=True)

    def _adopted(self, read: Callable[[Any], Script], raw: bytes, *, keep_plan: bool) -> web.Response:
        try:
            script = read(json.loads(raw or b"{}"))
        except (ValidationError, json.JSONDecodeError) as error:
            return wire.error(422, str(error), code="invalid_script")
        waiting = self.plan.waiting if keep_plan else ()
        self.adopt(script.model_copy(update={"next": (*waiting, *script.next)}))
        return _script_response(script)

    async def _served(self, request: web.Request, role: str, digest: str, reply: Reply) -> web.StreamResponse:
        if not self._may_enter(request):
            return wire.error(401, "Incorrect API key provided.", code="invalid_api_key")
        stats = self.stats
        occurrence = stats.enter(role, digest)
        try:
            behaviour = self._behaviour(role)
            fault = self._fault(role, behaviour, Draws(self.script.seed, digest, occurrence))
            if fault is not None:
                stats.failed(role, fault)
            if fault is not Fault.OVERLOADED:
                await asyncio.sleep(_delay_seconds(behaviour, fault, Draws(self.script.seed, digest, occurrence)))
            return _refusal(request, behaviour, fault) or await reply(fault)
        finally:
            stats.leave(role)

    def _may_enter(self, request: web.Request) -> bool:
        key = self.script.api_key
        return key is None or request.headers.get("Authorization") == f"Bearer {key}"

    def _behaviour(self, role: str) -> Behaviour:
        if role not in self._behaviours:
            self._behaviours[role] = self.script.behaviour_of(role)
        return self._behaviours[role]

    def _fault(self, role: str, behaviour: Behaviour, draws: Draws) -> Fault | None:
        own_cap = "max_in_flight" in self.script.roles.get(role, {})
        in_flight = self.stats.in_flight(role) if own_cap else self.stats.total.in_flight
        if behaviour.max_in_flight is not None and in_flight > behaviour.max_in_flight:
            return Fault.OVERLOADED
        return self.plan.take(role) or faults.drawn(behaviour, role, draws)

    async def _completion(
        self, request: web.Request, call: ChatCall, digest: str, fault: Fault | None
    ) -> web.StreamResponse:
        try:
            choices = [faults.spoilt(self._content(call, digest, index, fault), fault) for index in range(call.n)]
        except UnsupportedSchemaError as error:
            return wire.error(400, str(error), code="invalid_request_error")
        whole = wire.completion(choices, model=call.model or self.script.models[0], digest=digest)
        sizes = (call.prompt_bytes, sum(len(text.encode()) for text, _ in choices))
        response = self._counted(whole, call.role, digest, sizes, fault)
        return await _streamed(request, whole) if call.stream else response

    def _content(self, call: ChatCall, digest: str, index: int, fault: Fault | None) -> str:
        bug = fault if fault is Fault.COPIED or (fault is not None and fault.in_code) else None
        draws = Draws(self.script.seed, digest, "answer", index)
        return answers.content(answers.Asked(call=call, knobs=self.script.quality, draws=draws, bug=bug))

    def _counted(
        self, whole: dict[str, Any], role: str, digest: str, sizes: tuple[int, int], fault: Fault | None
    ) -> web.Response:
        used = wire.tokens(sizes[0]), wire.tokens(sizes[1])
        self.stats.answered(role, digest, *used)
        if fault is not Fault.MISSING_USAGE:
            whole["usage"] = wire.usage(*used)
        return wire.broken_body(whole) if fault is Fault.BROKEN_BODY else web.json_response(whole)


def _digest(raw: bytes) -> str:
    return hashlib.blake2b(raw, digest_size=16).hexdigest()


def _script_response(script: Script) -> web.Response:
    return web.Response(text=script.model_dump_json(), content_type="application/json")


def _delay_seconds(behaviour: Behaviour, fault: Fault | None, draws: Draws) -> float:
    delay_ms = behaviour.latency_ms + behaviour.jitter_ms * draws.share("jitter")
    return (delay_ms + behaviour.straggler_ms * (fault is Fault.STRAGGLER)) / 1000


def _refusal(request: web.Request, behaviour: Behaviour, fault: Fault | None) -> web.StreamResponse | None:
    if fault is Fault.OVERLOADED:
        wait = behaviour.retry_after_seconds
        return wire.error(429, "Too many requests.", code="rate_limit_exceeded", retry_after_seconds=wait)
    if fault is Fault.SERVER_ERROR:
        return wire.error(behaviour.error_status, "The server had an error.", code="server_error")
    if fault is Fault.REFUSED:
        return wire.error(400, "This model's maximum context length is exceeded.", code="context_length_exceeded")
    if fault is Fault.HTML:
        return wire.html()
    if fault is Fault.DISCONNECT and request.transport is not None:
        request.transport.abort()
        return web.Response()
    return None


async def _streamed(request: web.Request, whole: dict[str, Any]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for chunk in wire.chunks(whole):
        await response.write(chunk)
    await response.write_eof()
    return response
