"""Pods that own an engine: the program ``standin_vllm.py``, behind which an endpoint of the test answers."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from graftwork_solvers.settings import SolversSettings
from tests.support import standin_vllm
from tests.support.endpoints import Answer
from tests.support.endpoints import ScriptedEndpoint
from tests.support.endpoints import chat_answer
from tests.support.endpoints import running_endpoint
from tests.support.endpoints import says_hello


@asynccontextmanager
async def standin_engine(
    chat: Answer = says_hello, *arguments: str, **changes: Any
) -> AsyncIterator[tuple[ScriptedEndpoint, SolversSettings]]:
    """The endpoint that answers for the engine, and settings of a pod that runs it with ``arguments``."""
    async with running_endpoint(warm_first(chat)) as endpoint:
        yield endpoint, engine_settings(endpoint.url, *arguments, **changes)


def warm_first(chat: Answer) -> Answer:
    """``chat``, but for the question by which a pod warms its engine."""

    async def answer(body: dict[str, Any]) -> web.StreamResponse:
        warming = body["messages"][-1]["content"] == "Yes or no?"
        return chat_answer('{"word": "yes"}') if warming else await chat(body)

    return answer


def engine_settings(url: str, *arguments: str, **changes: Any) -> SolversSettings:
    """Free ports, short pauses, nothing to wait for at the end."""
    upstream = url.removeprefix("http://").removesuffix("/v1")
    quick: dict[str, Any] = {
        "solvers_port": 0,
        "http_port": 0,
        "solvers_propagation_seconds": 0.0,
        "drain_seconds": 5.0,
        "solvers_backend": "vllm",
        "solvers_vllm_command": f"{sys.executable} {Path(standin_vllm.__file__)}",
        "solvers_vllm_model": "tiny",
        "solvers_vllm_arguments": ("--upstream", upstream, *arguments),
        "solvers_vllm_shutdown_seconds": 1.0,
        "solvers_vllm_restart_seconds": 0.05,
        "solvers_vllm_longest_restart_seconds": 0.1,
    }
    return SolversSettings.model_validate({**quick, **changes})
