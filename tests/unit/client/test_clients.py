import hashlib
import inspect
from collections.abc import Callable
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from graftwork import client
from graftwork.client import AsyncGraftwork
from graftwork.client import Graftwork
from graftwork.client import calls
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import IDEMPOTENCY_HEADER
from graftwork.contracts.rest import DatasetFileView
from graftwork.contracts.rest import DatasetView
from graftwork.contracts.rest import JobEvent
from graftwork.contracts.snapshots import ProductionCounts
from tests.support.canned_gateway import NOW
from tests.support.canned_gateway import Gateway
from tests.support.canned_gateway import answer
from tests.support.canned_gateway import event
from tests.support.canned_gateway import job
from tests.support.canned_gateway import problem
from tests.support.canned_gateway import stream

URL = "http://gateway.test"
SPEC = JobSpec(task="Write word problems about fractions.", count=3)


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def ask(
    kind: str, gateway: Gateway, method: str, *arguments: Any, waits: Sequence[float] = (), **options: Any
) -> Any:
    if kind == "sync":
        with Graftwork(URL, "secret", transport=gateway.transport, retry_seconds=waits) as graftwork:
            return getattr(graftwork, method)(*arguments, **options)
    async with AsyncGraftwork(URL, "secret", transport=gateway.transport, retry_seconds=waits) as graftwork:
        return await getattr(graftwork, method)(*arguments, **options)


async def follow(kind: str, gateway: Gateway, *, after: int = 0, waits: Sequence[float] = (0, 0)) -> list[JobEvent]:
    if kind == "sync":
        with Graftwork(URL, transport=gateway.transport, reconnect_seconds=waits) as graftwork:
            return list(graftwork.watch("job-1", after=after))
    async with AsyncGraftwork(URL, transport=gateway.transport, reconnect_seconds=waits) as graftwork:
        return [each async for each in graftwork.watch("job-1", after=after)]


def test_every_call_of_the_list_is_offered() -> None:
    listed = {
        name
        for name, call in inspect.getmembers(calls, inspect.isfunction)
        if call.__module__ == calls.__name__ and name[0] != "_"
    }

    assert listed <= {method.__name__ for _, method in inspect.getmembers(Graftwork, inspect.isfunction)}


def test_both_clients_offer_the_same() -> None:
    def public(cls: type) -> dict[str, list[str]]:
        members = inspect.getmembers(cls, inspect.isfunction)
        return {name: list(inspect.signature(member).parameters) for name, member in members if name[0] != "_"}

    assert public(Graftwork) == public(AsyncGraftwork)


async def test_a_job_is_submitted_as_it_was_written_with_a_key_of_its_own(kind: str) -> None:
    gateway = Gateway(answer(job()))

    assert await ask(kind, gateway, "submit", SPEC) == job()

    (request,) = gateway.requests
    assert (request.method, request.url.path) == ("POST", "/v1/jobs")
    assert request.content == b'{"task":"Write word problems about fractions.","count":3}'
    assert request.headers["Authorization"] == "Bearer secret"
    assert len(request.headers[IDEMPOTENCY_HEADER]) == 32


@pytest.mark.parametrize(
    ("method", "arguments", "path"),
    [
        ("get", ("a/b",), "/v1/jobs/a%2Fb"),
        ("get", ("..",), "/v1/jobs/%2E%2E"),
        ("cancel", ("job-1",), "/v1/jobs/job-1/cancel"),
    ],
)
async def test_ids_cannot_leave_their_place_in_the_path(
    kind: str, method: str, arguments: tuple[str, ...], path: str
) -> None:
    gateway = Gateway(answer(job()))

    await ask(kind, gateway, method, *arguments)

    assert gateway.requests[0].url.raw_path.decode() == path


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, client.Invalid),
        (401, client.Unauthorized),
        (404, client.NotFound),
        (409, client.Conflict),
        (413, client.Invalid),
        (422, client.Invalid),
        (429, client.TooMany),
        (503, client.ServerFailed),
        (418, client.ApiError),
    ],
)
async def test_problems_are_typed(kind: str, status: int, error: type[client.ApiError]) -> None:
    gateway = Gateway(problem(status, "because", headers={"Retry-After": "7"}))

    with pytest.raises(error, match=r"^Trouble: because$") as caught:
        await ask(kind, gateway, "get", "job-1")

    assert type(caught.value) is error
    assert (caught.value.status, caught.value.retry_after_seconds) == (status, 7)


async def test_a_request_is_sent_again_with_the_same_key_until_it_is_answered(kind: str) -> None:
    gateway = Gateway(
        problem(429), httpx.ConnectError("refused"), httpx.ReadError("reset"), problem(503), answer(job())
    )

    assert await ask(kind, gateway, "submit", SPEC, waits=(0, 0, 0, 0)) == job()

    assert len({request.headers[IDEMPOTENCY_HEADER] for request in gateway.requests}) == 1
    assert len({request.content for request in gateway.requests}) == 1


async def test_a_review_that_was_just_told_of_is_waited_for(kind: str) -> None:
    gateway = Gateway(problem(404), problem(404))

    with pytest.raises(client.NotFound):
        await ask(kind, gateway, "review", "job-1", "r1", waits=(0,))

    assert len(gateway.requests) == 2


async def test_the_last_attempt_tells_its_error(kind: str) -> None:
    gateway = Gateway(problem(503), problem(429, "slow down"))

    with pytest.raises(client.TooMany, match="slow down"):
        await ask(kind, gateway, "get", "job-1", waits=(0,))


@pytest.mark.parametrize("cls", [Graftwork, AsyncGraftwork])
def test_a_client_without_a_url_takes_the_environments(
    cls: type[Graftwork | AsyncGraftwork], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFTWORK_URL", raising=False)
    monkeypatch.setenv("GRAFTWORK_API_KEY", "gw_environment")
    with pytest.raises(client.NoAddress, match="GRAFTWORK_URL"):
        cls()

    monkeypatch.setenv("GRAFTWORK_URL", URL)
    assert cls()._http.headers["Authorization"] == "Bearer gw_environment"
    assert "Authorization" not in cls("http://elsewhere.test")._http.headers


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (lambda: httpx.Response(502, text="<html>Bad Gateway"), "The server answered 502: <html>Bad Gateway"),
        (
            lambda: httpx.Response(200, text="<html>Hello"),
            "http://gateway.test/v1/jobs/job-1 does not answer like a Graftwork",
        ),
        (lambda: httpx.ConnectError("refused"), "no Graftwork server answers at http://gateway.test: refused"),
    ],
)
async def test_what_is_no_graftwork_server_is_one_clear_line(
    kind: str, answered: Callable[[], httpx.Response | Exception], said: str
) -> None:
    with pytest.raises(client.ClientError) as caught:
        await ask(kind, Gateway(answered()), "get", "job-1")

    assert str(caught.value).startswith(said)


async def test_what_is_no_url_is_one_clear_line() -> None:
    with pytest.raises(client.Unreachable, match=r"^no Graftwork server answers at http://a:b: "):
        Graftwork("http://a:b")


@pytest.mark.parametrize("url", ["http://gateway.test", "http://gateway.test/", "http://gateway.test/v1/"])
def test_the_url_may_be_written_with_its_version(url: str) -> None:
    gateway = Gateway(answer(job()))

    with Graftwork(url, transport=gateway.transport) as graftwork:
        graftwork.get("job-1")

    assert str(gateway.requests[0].url) == "http://gateway.test/v1/jobs/job-1"


async def test_events_end_with_the_job(kind: str) -> None:
    gateway = Gateway(stream(event(1), event(2), event(3, last=3)))

    assert [each.version for each in await follow(kind, gateway)] == [1, 2, 3]


async def test_a_broken_stream_goes_on_where_it_broke(kind: str) -> None:
    gateway = Gateway(
        stream(event(1), event(2), broken=True),
        httpx.ConnectError("refused"),
        stream(event(2), event(3)),
        problem(503),
        stream(event(4, last=4)),
    )

    assert [each.version for each in await follow(kind, gateway)] == [1, 2, 3, 4]
    assert [r.headers.get("Last-Event-ID") for r in gateway.requests] == [None, "2", "2", "3", "3"]


async def test_a_job_that_goes_on_behind_its_end_is_followed_to_its_last_one(kind: str) -> None:
    once_ended = event(2, last=2)
    gateway = Gateway(
        stream(event(1), once_ended, event(3), broken=True),
        stream(event(4, last=4), broken=True),
        httpx.Response(204),
    )

    assert [each.version for each in await follow(kind, gateway)] == [1, 2, 3, 4]


async def test_events_after_the_last_one_are_none(kind: str) -> None:
    gateway = Gateway(httpx.Response(204))

    assert await follow(kind, gateway, after=9) == []
    assert gateway.requests[0].headers["Last-Event-ID"] == "9"


async def test_following_is_given_up_after_attempts_in_a_row_without_an_event(kind: str) -> None:
    gateway = Gateway(stream(event(1)), *(httpx.ConnectError("refused") for _ in range(3)))

    with pytest.raises(client.Unreachable, match="refused"):
        await follow(kind, gateway)

    assert len(gateway.requests) == 3


async def test_following_what_is_not_there_fails_at_once(kind: str) -> None:
    gateway = Gateway(problem(404, "no job 'job-1'"))

    with pytest.raises(client.NotFound):
        await follow(kind, gateway)


def dataset(*files: tuple[str, bytes]) -> httpx.Response:
    views = tuple(
        DatasetFileView(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
        for path, content in files
    )
    counts = ProductionCounts(wanted=3, attempted=3, accepted=3)
    view = DatasetView(
        id="ds-1", job_id="job-1", name="fractions", rows=3, complete=True, counts=counts, files=views,
        sha256="0" * 64, location="job-1/dataset", published_at=NOW,
    )  # fmt: skip
    return httpx.Response(200, content=view.model_dump_json())


async def test_a_dataset_is_downloaded_once(kind: str, tmp_path: Path) -> None:
    described = dataset(("README.md", b"# card"), ("data/train.parquet", b"PAR1"))
    files = [httpx.Response(200, content=b"# card"), httpx.Response(200, content=b"PAR1")]
    gateway = Gateway(described, *files, described)

    for _ in range(2):
        assert (await ask(kind, gateway, "download", "ds-1", tmp_path)).rows == 3

    assert (tmp_path / "data" / "train.parquet").read_bytes() == b"PAR1"
    assert [r.url.params.get("path") for r in gateway.requests] == [None, "README.md", "data/train.parquet", None]


async def test_a_file_that_broke_on_the_way_is_fetched_again(kind: str, tmp_path: Path) -> None:
    gateway = Gateway(dataset(("a.txt", b"right")), httpx.ReadError("reset"), httpx.Response(200, content=b"right"))

    await ask(kind, gateway, "download", "ds-1", tmp_path, waits=(0,))

    assert (tmp_path / "a.txt").read_bytes() == b"right"


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.rglob("*")]


async def test_a_damaged_file_is_not_kept(kind: str, tmp_path: Path) -> None:
    gateway = Gateway(dataset(("a.txt", b"right")), httpx.Response(200, content=b"wrong"))

    with pytest.raises(client.DamagedFile):
        await ask(kind, gateway, "download", "ds-1", tmp_path)

    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/outside.txt", "a/../../outside.txt"])
async def test_no_file_is_written_outside_the_directory(kind: str, path: str, tmp_path: Path) -> None:
    with pytest.raises(client.DamagedFile, match="outside"):
        await ask(kind, Gateway(dataset((path, b"x"))), "download", "ds-1", tmp_path / "here")

    assert names(tmp_path) == []
