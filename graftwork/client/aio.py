"""The asynchronous client."""

import asyncio
from collections.abc import AsyncGenerator
from collections.abc import Callable
from collections.abc import Coroutine
from collections.abc import Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from typing import Any
from typing import Concatenate
from typing import ParamSpec
from typing import Self
from typing import TypeVar

import httpx
from httpx_sse import aconnect_sse

from graftwork.client import calls
from graftwork.client import loading
from graftwork.client.call import Call
from graftwork.client.call import path_of
from graftwork.client.call import raise_for_problem
from graftwork.client.connection import Connection
from graftwork.client.errors import ApiError
from graftwork.client.errors import ClientError
from graftwork.client.files import is_there
from graftwork.client.files import place
from graftwork.client.files import writing
from graftwork.client.following import RECONNECT_SECONDS
from graftwork.client.following import STREAM_TIMEOUT
from graftwork.client.following import Follower
from graftwork.client.methods import as_method
from graftwork.client.patience import RETRY_SECONDS
from graftwork.client.patience import Patience
from graftwork.client.patience import unreachable
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobEvent

if TYPE_CHECKING:
    from datasets import Dataset  # type: ignore[import-untyped]
    from pandas import DataFrame  # type: ignore[import-untyped]

P = ParamSpec("P")
T = TypeVar("T")


class AsyncSender:
    """Sends calls, again where that may help."""

    def __init__(
        self, connection: Connection, transport: httpx.AsyncBaseTransport | None, retry_seconds: Sequence[float]
    ) -> None:
        self._url = connection.url
        self._retry_seconds = retry_seconds
        self._http = httpx.AsyncClient(transport=transport, **connection.options())

    async def send(self, call: Call[T]) -> T:
        """Return the answer of a call. Raises ``ClientError``."""
        patience = Patience(repeatable=call.repeatable, awaited=call.awaited, waits=self._retry_seconds)
        return await self._patiently(patience, lambda: self._answer(call))

    async def _answer(self, call: Call[T]) -> T:
        try:
            return call.read(await self._http.send(call.request(self._http)))
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error

    async def _patiently(self, patience: Patience, attempt: Callable[[], Coroutine[Any, Any, T]]) -> T:
        while True:
            try:
                return await attempt()
            except ClientError as error:
                await asyncio.sleep(patience.wait_seconds(error))


def _sending(call: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncSender, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncSender, /, *args: P.args, **options: P.kwargs) -> T:
        return await self.send(call(*args, **options))

    return as_method(method, call)


class AsyncGraftwork(AsyncSender):
    """A Graftwork server, asynchronously. Use as ``async with``, or call ``close``.

    Every method raises ``ClientError``: ``Unreachable``, or the ``ApiError`` of the server's problem. Requests that
    met a busy server or a broken connection are sent again, with the same Idempotency-Key, where that is harmless.

    Args:
        url: of the gateway, without ``/v1``; None: GRAFTWORK_URL, and GRAFTWORK_API_KEY with it.
        api_key: sent as a bearer token.
        transport: takes the place of the network, for tests.
        retry_seconds: waits between attempts to send a request; empty: it is sent once.
        reconnect_seconds: waits between attempts in a row to follow a stream.

    Raises:
        NoAddress: no URL was given, and GRAFTWORK_URL is not set.
    """

    def __init__(
        self,
        url: str | None = None,
        api_key: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        reconnect_seconds: Sequence[float] = RECONNECT_SECONDS,
    ) -> None:
        super().__init__(Connection.of(url, api_key), transport, retry_seconds)
        self._reconnect_seconds = reconnect_seconds

    submit = _sending(calls.submit)
    validate = _sending(calls.validate)
    preview = _sending(calls.preview)
    get = _sending(calls.get)
    list = _sending(calls.list_jobs)
    cancel = _sending(calls.cancel)
    extend = _sending(calls.extend)
    retry = _sending(calls.retry)
    delete_job = _sending(calls.delete_job)
    tree = _sending(calls.tree)
    node = _sending(calls.node)
    reviews = _sending(calls.reviews)
    job_reviews = _sending(calls.job_reviews)
    review = _sending(calls.review)
    approve = _sending(calls.approve)
    revise = _sending(calls.revise)
    datasets = _sending(calls.datasets)
    dataset = _sending(calls.dataset)
    delete_dataset = _sending(calls.delete_dataset)
    pools = _sending(calls.pools)
    check_pools = _sending(calls.check_pools)
    add_webhook = _sending(calls.add_webhook)
    webhooks = _sending(calls.webhooks)
    remove_webhook = _sending(calls.remove_webhook)
    create_key = _sending(calls.create_key)
    keys = _sending(calls.keys)
    revoke_key = _sending(calls.revoke_key)
    tenant = _sending(calls.tenant)
    set_tenant = _sending(calls.set_tenant)

    async def watch(self, job_id: str, *, after: int = 0) -> AsyncGenerator[JobEvent, None]:
        """Give every change of a job after version ``after``, oldest first, until it has ended.

        A broken connection is resumed where it broke.
        """
        follower = Follower(self._url, after=after, waits=self._reconnect_seconds)
        while not follower.ended:
            failure: Exception | None = None
            try:
                async with aclosing(self._stream(job_id, follower)) as stream:
                    async for event in stream:
                        yield event
            except (httpx.TransportError, ApiError) as error:
                failure = error
            if not follower.ended:
                await asyncio.sleep(follower.wait_seconds(failure))

    async def download(self, dataset_id: str, directory: Path) -> DatasetView:
        """Write a dataset's files into ``directory``; files that are there already are not fetched again.

        Raises:
            DamagedFile: a file arrived with another digest than the server gave.
        """
        dataset = await self.dataset(dataset_id)
        for file in dataset.files:
            target = place(directory, file)
            if not is_there(target, file):
                await self._patiently(
                    Patience(repeatable=True, waits=self._retry_seconds), partial(self._fetch, dataset_id, file, target)
                )
        return dataset

    async def load_dataset(self, dataset_id: str, directory: Path | None = None) -> "Dataset":
        """Download a dataset and return it as Hugging Face's ``datasets.Dataset``.

        ``directory``: where its files go; None: a directory of the user's cache.

        Raises:
            MissingPackage: ``datasets`` is not installed.
        """
        return await self._load(loading.hugging_face(), dataset_id, directory)

    async def load_pandas(self, dataset_id: str, directory: Path | None = None) -> "DataFrame":
        """Download a dataset and return it as a pandas ``DataFrame``.

        ``directory``: where its files go; None: a directory of the user's cache.

        Raises:
            MissingPackage: ``pandas`` or ``pyarrow`` is not installed.
        """
        return await self._load(loading.pandas(), dataset_id, directory)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _load(self, load: loading.Load[T], dataset_id: str, directory: Path | None) -> T:
        where = directory or loading.cache_of(dataset_id)
        dataset = await self.download(dataset_id, where)
        return await asyncio.to_thread(load, loading.shards(dataset, where))

    async def _stream(self, job_id: str, follower: Follower) -> AsyncGenerator[JobEvent, None]:
        path, headers = path_of("jobs", job_id, "events"), follower.headers()
        async with aconnect_sse(self._http, "GET", path, headers=headers, timeout=STREAM_TIMEOUT) as source:
            if source.response.is_error:
                await source.response.aread()
            if not follower.open(source.response):
                return
            async for message in source.aiter_sse():
                if (event := follower.take(message)) is not None:
                    yield event
        follower.close()

    async def _fetch(self, dataset_id: str, file: DatasetFileView, target: Path) -> None:
        path = path_of("datasets", dataset_id, "download")
        try:
            async with self._http.stream("GET", path, params={"path": file.path}) as response:
                if response.is_error:
                    await response.aread()
                raise_for_problem(response)
                with writing(target, file) as writer:
                    async for chunk in response.aiter_bytes():
                        writer.write(chunk)
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error
