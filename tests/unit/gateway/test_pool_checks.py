from collections.abc import Mapping

import pytest

from graftwork.contracts.rest import PoolCheckView
from graftwork.contracts.usage import Usage
from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import ModelRefused
from graftwork.kit.errors import Overloaded
from graftwork.models.fake import FakeAnswer
from graftwork.models.fake import FakePlane
from graftwork.models.fake import Script
from graftwork.models.fake import describe_fake
from graftwork.models.plane import GenerateRequest
from graftwork.models.plane import ModelPlane
from graftwork_gateway.pool_checks import SCHEMA_NAME
from graftwork_gateway.pool_checks import check_pools

GOOD = {"colour": "blue", "suns": 1}


def plane_of(script: Script | Mapping[str, FakeAnswer]) -> FakePlane:
    return FakePlane(script, pools=[describe_fake("main", "big", "small")])


async def checked(plane: ModelPlane) -> PoolCheckView:
    [view] = await check_pools(plane, {"main": await plane.describe("main")}, 5.0)
    return view


async def test_a_pool_that_does_both_calls_is_told_with_what_they_used() -> None:
    plane = plane_of({"": "Yes.", SCHEMA_NAME: GOOD})

    view = await checked(plane)

    assert (view.available, view.problem, view.keeps_schema) == (True, None, True)
    assert view.latency_seconds is not None
    assert view.used.calls == plane.calls["main"] == 2
    assert view.used.cost_usd == 0.0
    assert [model.name for model in view.models] == ["big", "small"]


@pytest.mark.parametrize(
    "answer", ["Blue, and one.", "", {"colour": "blue"}, {"colour": "blue", "suns": "1"}, {**GOOD, "why": "it is"}]
)
async def test_an_answer_that_does_not_fit_is_no_problem_but_is_told(answer: FakeAnswer) -> None:
    view = await checked(plane_of({"": "Yes.", SCHEMA_NAME: answer}))

    assert (view.problem, view.keeps_schema, view.used.calls) == (None, False, 3)


async def test_a_pool_that_has_to_be_told_its_schema_in_the_prompt_has_a_second_try() -> None:
    answers = iter(["Yes.", "Blue, and one.", '{"colour": "blue", "suns": 1}'])

    view = await checked(plane_of(lambda _: next(answers)))

    assert (view.problem, view.keeps_schema, view.used.calls) == (None, True, 3)


async def test_a_full_pool_is_told_apart_from_a_silent_one() -> None:
    def full(_request: GenerateRequest) -> str:
        raise Overloaded("pod at 10.1.2.3 is full", retry_after_seconds=5)

    assert (await checked(plane_of(full))).problem == "pool 'main' is full"


async def test_the_calls_are_tiny() -> None:
    plane = plane_of({"": "Yes.", SCHEMA_NAME: GOOD})

    await checked(plane)

    assert [request.max_tokens for request in plane.requests] == [16, 512]
    assert all(len(request.messages[0].content) < 100 for request in plane.requests)


def refuses_schemas(request: GenerateRequest) -> str:
    if request.json_schema is not None:
        raise ModelRefused("the endpoint knows no response_format")
    return "Yes."


async def test_a_refused_schema_is_a_problem_in_the_endpoint_s_words() -> None:
    view = await checked(plane_of(refuses_schemas))

    assert (view.available, view.problem) == (True, "the endpoint knows no response_format")
    assert view.latency_seconds is not None
    assert (view.keeps_schema, view.used.calls) == (None, 1)


def silent(_request: GenerateRequest) -> str:
    raise DependencyDown("pool 'main' at 10.1.2.3: refused")


async def test_a_silent_pool_s_address_is_not_told() -> None:
    view = await checked(plane_of(silent))

    assert (view.problem, view.used) == ("pool 'main' does not answer", Usage())


async def test_a_pool_that_could_not_be_described_is_not_called() -> None:
    plane = plane_of({})

    [view] = await check_pools(plane, {"main": DependencyDown("pool 'main' does not answer")}, 5.0)

    assert (view.available, view.problem) == (False, "pool 'main' does not answer")
    assert not plane.requests
