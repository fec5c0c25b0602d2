"""``graftwork models check``, from the pods in front of endpoints of all kinds to the lines that a person reads."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web

from graftwork.cli.models import pool_rows
from graftwork.contracts.rest import PoolCheckView
from graftwork.models.addresses import PoolAddresses
from graftwork.models.client import SolverClient
from graftwork_gateway.pool_checks import check_pools
from graftwork_gateway.pools import describe
from tests.support.endpoints import Answer
from tests.support.endpoints import chat_answer
from tests.support.endpoints import error_answer
from tests.support.endpoints import running_endpoint
from tests.support.pods import pod_settings
from tests.support.pods import running_pod

NOWHERE = "http://127.0.0.1:1/v1"
PRICE = {"prompt_usd_per_mtok": 0.25, "completion_usd_per_mtok": 2}
FITS = '{"colour": "blue", "suns": 1}'


async def keeps(body: dict[str, Any]) -> web.Response:
    return chat_answer(FITS if "response_format" in body else "Yes.")


async def needs_telling(body: dict[str, Any]) -> web.Response:
    told = "JSON schema" in body["messages"][0]["content"]
    return chat_answer(f"```json\n{FITS}\n```" if told else "It is blue.")


async def chatters(_body: dict[str, Any]) -> web.Response:
    return chat_answer("It is blue.")


async def hangs(_body: dict[str, Any]) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def locked(*_: Any) -> web.Response:
    return error_answer(401, "who are you?")


async def refuses_schemas(body: dict[str, Any]) -> web.Response:
    if "response_format" in body:
        return error_answer(400, "Grammar error: keyword not known")
    return chat_answer("Yes.")


@dataclass(frozen=True)
class Case:
    """A kind of endpoint, the row of its pool but for name and time, and what is said below the table."""

    chat: Answer
    row: tuple[str, ...]
    timed: bool = False
    problem: str | None = None
    down: bool = False
    lists: Answer | None = None


PRICED = ("2.0k", "0.25", "2.00", "yes")
CASES = {
    "fine": Case(keeps, ("yes", "tiny*", *PRICED, "yes"), timed=True),
    "told": Case(needs_telling, ("yes", "tiny*", *PRICED, "yes"), timed=True),
    "prose": Case(chatters, ("yes", "tiny*", *PRICED, "no"), timed=True),
    "strict": Case(
        refuses_schemas, ("yes", "tiny*", *PRICED, "?"), timed=True, problem="Grammar error: keyword not known"
    ),
    "silent": Case(hangs, ("yes", "tiny*", *PRICED, "?"), problem="pool 'silent' does not answer"),
    "locked": Case(locked, ("yes", "tiny*", "?", *PRICED[1:], "?"), problem="check OPENAI_API_KEY", lists=locked),
    "down": Case(keeps, ("no", *"-----", "-"), problem="pool 'down' does not answer", down=True),
}


@asynccontextmanager
async def pods(cases: dict[str, Case]) -> AsyncIterator[dict[str, str]]:
    """One pod for each; the address of each."""
    async with AsyncExitStack() as stack:
        targets = {}
        for name, case in cases.items():
            endpoint = await stack.enter_async_context(running_endpoint(case.chat))
            endpoint.models = case.lists  # type: ignore[assignment]  # asked for without a body
            pools = {name: {"model": "tiny", "prices": {"tiny": PRICE}}}
            settings = pod_settings(NOWHERE if case.down else endpoint.url, solvers_pools=pools)
            healthy = case.problem is None
            pod = await stack.enter_async_context(running_pod(settings, healthy=healthy))
            targets[name] = f"ipv4:127.0.0.1:{pod.grpc_port}"
        yield targets


async def views_of(targets: dict[str, str], seconds: float = 2.0) -> dict[str, PoolCheckView]:
    async with SolverClient(PoolAddresses(by_pool=targets), unavailable_attempts=3) as plane:
        described = await describe(plane, targets, seconds)
        return {view.pool: view for view in await check_pools(plane, described, seconds)}


@pytest.mark.parametrize("name", CASES)
async def test_a_check_tells_of_each_kind_of_endpoint_what_a_person_has_to_know(name: str) -> None:
    case = CASES[name]

    async with pods({name: case}) as targets:
        [view] = (await views_of(targets)).values()

    [(pool, *told, seconds, keeps_schema)] = pool_rows(view)
    assert pool == name
    assert (*told, keeps_schema) == case.row
    assert seconds.replace(".", "").isdigit() == case.timed
    assert (case.problem or "") in (view.problem or "")
    assert (view.problem is None) == (case.problem is None)


async def test_a_pool_that_nobody_serves_does_not_keep_the_others_from_being_checked() -> None:
    async with pods({"fine": CASES["fine"]}) as targets:
        views = await views_of({**targets, "gone": "ipv4:127.0.0.1:1", "lost": targets["fine"]})

    assert views["fine"].keeps_schema
    assert views["gone"].problem == "pool 'gone' does not answer"
    assert views["lost"].problem == "no pool 'lost' here: this pod serves fine"


@pytest.mark.tiny
async def test_the_bundled_model_passes(tiny_model_url: str) -> None:
    async with running_pod(pod_settings(tiny_model_url)) as pod:
        views = await views_of({"generator": f"ipv4:127.0.0.1:{pod.grpc_port}"}, seconds=60.0)

    [(_, answers, model, *_, seconds, keeps_schema)] = pool_rows(views["generator"])
    assert (answers, keeps_schema) == ("yes", "yes")
    assert model.endswith("*")
    assert float(seconds) > 0
    assert views["generator"].problem is None
