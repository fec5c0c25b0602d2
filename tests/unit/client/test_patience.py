"""When both clients send a request again."""

import httpx
import pytest

from graftwork import client
from graftwork.client import ClientError
from graftwork.client.patience import Patience
from graftwork.client.patience import unreachable
from graftwork.contracts.rest import Problem

URL = "http://gateway.test"


def problem(status: int, retry_after_seconds: float | None = None) -> ClientError:
    kind = client.TooMany if status == 429 else client.ServerFailed
    return kind(Problem(type="t", title="Trouble", status=status), retry_after_seconds=retry_after_seconds)


def broken(cause: httpx.TransportError) -> ClientError:
    try:
        raise unreachable(URL, cause) from cause
    except client.Unreachable as error:
        return error


@pytest.mark.parametrize("repeatable", [True, False])
@pytest.mark.parametrize(
    "error", [problem(429), problem(503), broken(httpx.ConnectError("x")), broken(httpx.ConnectTimeout("x"))]
)
def test_a_server_that_did_nothing_is_asked_again(error: ClientError, *, repeatable: bool) -> None:
    patience = Patience(repeatable=repeatable, waits=(0.5, 1))

    assert [patience.wait_seconds(error) for _ in range(2)] == [0.5, 1]
    with pytest.raises(type(error)):
        patience.wait_seconds(error)


@pytest.mark.parametrize("cause", [httpx.ReadError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_what_broke_on_the_way_back_is_sent_again_only_where_twice_is_harmless(cause: httpx.TransportError) -> None:
    assert Patience(repeatable=True, waits=(1,)).wait_seconds(broken(cause)) == 1
    with pytest.raises(client.Unreachable):
        Patience(repeatable=False, waits=(1,)).wait_seconds(broken(cause))


@pytest.mark.parametrize(
    "error",
    [problem(500), problem(502), client.DamagedFile("x"), client.NotFound(Problem(type="t", title="x", status=404))],
    ids=lambda error: type(error).__name__,
)
def test_what_will_not_change_is_not_asked_again(error: ClientError) -> None:
    with pytest.raises(type(error)):
        Patience(repeatable=True, waits=(1,)).wait_seconds(error)


@pytest.mark.parametrize(("asked", "waited"), [(7, 7), (0.1, 0.5), (60, 60)])
def test_a_server_that_asks_for_patience_gets_it(asked: float, waited: float) -> None:
    assert Patience(repeatable=True, waits=(0.5,)).wait_seconds(problem(429, asked)) == waited


def test_what_is_going_to_appear_is_asked_for_again() -> None:
    missing = client.NotFound(Problem(type="t", title="x", status=404))

    assert Patience(repeatable=True, awaited=True, waits=(1,)).wait_seconds(missing) == 1


def test_a_server_that_asks_for_too_much_patience_is_not_waited_for() -> None:
    with pytest.raises(client.TooMany) as caught:
        Patience(repeatable=True, waits=(0.5,)).wait_seconds(problem(429, 3600))

    assert caught.value.retry_after_seconds == 3600
