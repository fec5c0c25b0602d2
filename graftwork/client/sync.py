"""The synchronous client: the same calls, one after the other."""

import time
from collections.abc import Callable
from collections.abc import Generator
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from typing import Concatenate
from typing import ParamSpec
from typing import Self
from typing import TypeVar

import httpx
from httpx_sse import connect_sse

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


class Sender:
    """Sends calls, again where that may help."""

    def __init__(
        self, connection: Connection, transport: httpx.BaseTransport | None, retry_seconds: Sequence[float]
    ) -> None:
        self._url = connection.url
        self._retry_seconds = retry_seconds
        self._http = httpx.Client(transport=transport, **connection.options())

    def send(self, call: Call[T]) -> T:
        """Return the answer of a call. Raises ``ClientError``."""
        patience = Patience(repeatable=call.repeatable, awaited=call.awaited, waits=self._retry_seconds)
        return self._patiently(patience, lambda: call.read(self._once(call)))

    def _once(self, call: Call[T]) -> httpx.Response:
        try:
            return self._http.send(call.request(self._http))
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error

    def _patiently(self, patience: Patience, attempt: Callable[[], T]) -> T:
        while True:
            try:
                return attempt()
            except ClientError as error:
                time.sleep(patience.wait_seconds(error))


def _sending(call: Callable[P, Call[T]]) -> Callable[Concatenate[Sender, P], T]:
    def method(self: Sender, /, *args: P.args, **options: P.kwargs) -> T:
        return self.send(call(*args, **options))

    return as_method(method, call)


class Graftwork(Sender):
    """A Graftwork server. Use as ``with``, or call ``close``.

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
        transport: httpx.BaseTransport | None = None,
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

    def watch(self, job_id: str, *, after: int = 0) -> Generator[JobEvent, None, None]:
        """Give every change of a job after version ``after``, oldest first, until it has ended.

        A broken connection is resumed where it broke.
        """
        follower = Follower(self._url, after=after, waits=self._reconnect_seconds)
        while not follower.ended:
            failure: Exception | None = None
            try:
                with closing(self._stream(job_id, follower)) as stream:
                    yield from stream
            except (httpx.TransportError, ApiError) as error:
                failure = error
            if not follower.ended:
                time.sleep(follower.wait_seconds(failure))

    def download(self, dataset_id: str, directory: Path) -> DatasetView:
        """Write a dataset's files into ``directory``; files that are there already are not fetched again.

        Raises:
            DamagedFile: a file arrived with another digest than the server gave.
        """
        dataset = self.dataset(dataset_id)
        for file in dataset.files:
            target = place(directory, file)
            if not is_there(target, file):
                self._patiently(
                    Patience(repeatable=True, waits=self._retry_seconds), partial(self._fetch, dataset_id, file, target)
                )
        return dataset

    def load_dataset(self, dataset_id: str, directory: Path | None = None) -> "Dataset":
        """Download a dataset and return it as Hugging Face's ``datasets.Dataset``.

        ``directory``: where its files go; None: a directory of the user's cache.

        Raises:
            MissingPackage: ``datasets`` is not installed.
        """
        return self._load(loading.hugging_face(), dataset_id, directory)

    def load_pandas(self, dataset_id: str, directory: Path | None = None) -> "DataFrame":
        """Download a dataset and return it as a pandas ``DataFrame``.

        ``directory``: where its files go; None: a directory of the user's cache.

        Raises:
            MissingPackage: ``pandas`` or ``pyarrow`` is not installed.
        """
        return self._load(loading.pandas(), dataset_id, directory)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _load(self, load: loading.Load[T], dataset_id: str, directory: Path | None) -> T:
        where = directory or loading.cache_of(dataset_id)
        return load(loading.shards(self.download(dataset_id, where), where))

    def _stream(self, job_id: str, follower: Follower) -> Generator[JobEvent, None, None]:
        path, headers = path_of("jobs", job_id, "events"), follower.headers()
        with connect_sse(self._http, "GET", path, headers=headers, timeout=STREAM_TIMEOUT) as source:
            if source.response.is_error:
                source.response.read()
            if not follower.open(source.response):
                return
            for message in source.iter_sse():
                if (event := follower.take(message)) is not None:
                    yield event
        follower.close()

    def _fetch(self, dataset_id: str, file: DatasetFileView, target: Path) -> None:
        path = path_of("datasets", dataset_id, "download")
        try:
            with self._http.stream("GET", path, params={"path": file.path}) as response:
                if response.is_error:
                    response.read()
                raise_for_problem(response)
                with writing(target, file) as writer:
                    for chunk in response.iter_bytes():
                        writer.write(chunk)
        except httpx.TransportError as error:
            raise unreachable(self._url, error) from error
