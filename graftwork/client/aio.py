"""The asynchronous client."""

import asyncio
from collections.abc import AsyncGenerator
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import Self
from typing import TypeVar

import httpx
from httpx_sse import aconnect_sse
from pydantic import BaseModel

from graftwork.client import calls
from graftwork.client.calls import Call
from graftwork.client.connection import CONNECT_ATTEMPTS
from graftwork.client.connection import Connection
from graftwork.client.errors import ApiError
from graftwork.client.errors import Unreachable
from graftwork.client.files import is_there
from graftwork.client.files import place
from graftwork.client.files import writing
from graftwork.client.following import RECONNECT_SECONDS
from graftwork.client.following import STREAM_TIMEOUT
from graftwork.client.following import Follower
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetList
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.rest import JobList
from graftwork.contracts.rest import JobView
from graftwork.contracts.rest import NodeView
from graftwork.contracts.rest import PoolsView
from graftwork.contracts.rest import TreeView

T = TypeVar("T", bound=BaseModel)


class AsyncGraftwork:
    """A Graftwork server, asynchronously. Use as ``async with``, or call ``close``.

    Every method raises ``ClientError``: ``Unreachable``, or the ``ApiError`` of the server's problem.

    Args:
        url: of the gateway, without ``/v1``.
        api_key: sent as a bearer token.
        transport: takes the place of the network, for tests.
        reconnect_seconds: waits between attempts in a row to follow a stream.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        reconnect_seconds: Sequence[float] = RECONNECT_SECONDS,
    ) -> None:
        self._url = url
        self._reconnect_seconds = reconnect_seconds
        connection = Connection(url, api_key)
        self._http = httpx.AsyncClient(
            transport=transport or httpx.AsyncHTTPTransport(retries=CONNECT_ATTEMPTS), **connection.options()
        )

    async def submit(self, spec: JobSpec, *, idempotency_key: str | None = None) -> JobView:
        """Submit a job; submitting again with the same key and spec gives the same job."""
        return await self._send(calls.submit(spec, idempotency_key))

    async def get(self, job_id: str) -> JobView:
        """Return a job as it is now."""
        return await self._send(calls.get(job_id))

    async def list(self, *, limit: int | None = None, cursor: str | None = None) -> JobList:
        """Return a page of jobs, newest first."""
        return await self._send(calls.list_jobs(limit, cursor))

    async def cancel(self, job_id: str) -> JobView:
        """Ask a job to stop; what it accepted so far is published."""
        return await self._send(calls.cancel(job_id))

    async def tree(self, job_id: str) -> TreeView:
        """Return the tree so far."""
        return await self._send(calls.tree(job_id))

    async def node(self, job_id: str, node_id: str, *, samples: int | None = None) -> NodeView:
        """Return a node with its workflow, scores and the first of its samples."""
        return await self._send(calls.node(job_id, node_id, samples))

    async def pools(self) -> PoolsView:
        """Return what the model pools serve."""
        return await self._send(calls.pools())

    async def datasets(self, *, limit: int | None = None, cursor: str | None = None) -> DatasetList:
        """Return a page of published datasets, newest first."""
        return await self._send(calls.list_datasets(limit, cursor))

    async def dataset(self, dataset_id: str) -> DatasetView:
        """Return a published dataset's description."""
        return await self._send(calls.dataset(dataset_id))

    async def download(self, dataset_id: str, directory: Path) -> DatasetView:
        """Write a dataset's files into ``directory``; files that are there already are not fetched again.

        Raises:
            DamagedFile: a file arrived with another digest than the server gave.
        """
        dataset = await self.dataset(dataset_id)
        for file in dataset.files:
            target = place(directory, file)
            if not is_there(target, file):
                await self._fetch(dataset_id, file, target)
        return dataset

    async def events(self, job_id: str, *, after: int = 0) -> AsyncGenerator[JobEvent, None]:
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

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, call: Call[T]) -> T:
        request = self._http.build_request(
            call.method, call.path, params=call.params, headers=dict(call.headers), content=call.content
        )
        try:
            return call.read(await self._http.send(request))
        except httpx.TransportError as error:
            raise Unreachable(self._url, str(error) or type(error).__name__) from error

    async def _stream(self, job_id: str, follower: Follower) -> AsyncGenerator[JobEvent, None]:
        path, headers = calls.job_path(job_id, "events"), follower.headers()
        async with aconnect_sse(self._http, "GET", path, headers=headers, timeout=STREAM_TIMEOUT) as source:
            if source.response.is_error:
                await source.response.aread()
            if not follower.open(source.response):
                return
            async for message in source.aiter_sse():
                if (event := follower.take(message)) is not None:
                    yield event

    async def _fetch(self, dataset_id: str, file: DatasetFileView, target: Path) -> None:
        path = calls.dataset_path(dataset_id, "download")
        try:
            async with self._http.stream("GET", path, params={"path": file.path}) as response:
                if response.is_error:
                    await response.aread()
                calls.raise_for_problem(response)
                with writing(target, file) as writer:
                    async for chunk in response.aiter_bytes():
                        writer.write(chunk)
        except httpx.TransportError as error:
            raise Unreachable(self._url, str(error) or type(error).__name__) from error
