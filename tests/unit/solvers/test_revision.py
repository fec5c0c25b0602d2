"""The revision of a pool changes exactly when something changes that shapes its answers."""

import json
from collections.abc import Coroutine
from collections.abc import Mapping
from typing import Any
from typing import TypeVar

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graftwork.models.plane import Sampling
from graftwork_solvers.endpoint import Endpoint
from graftwork_solvers.pools import Pools
from graftwork_solvers.settings import PoolSettings

T = TypeVar("T")
NAME = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.strip).filter(bool)
CHANCE = st.none() | st.sampled_from([0.1, 0.5, 1.0])
SAMPLINGS = st.fixed_dictionaries(
    {"max_tokens": st.integers(1, 3)},
    optional={
        "temperature": CHANCE,
        "top_p": CHANCE,
        "min_p": CHANCE,
        "repeat_penalty": CHANCE,
        "stop": st.lists(st.sampled_from(["\n", "END"]), max_size=2),
    },
)
SHAPING: Mapping[str, st.SearchStrategy[Any]] = {
    "model": st.sampled_from(["small", "large"]),
    "prompt": st.none() | st.sampled_from(["You are weak.", "You are strong."]),
    "fixed": st.booleans(),
    "revision": st.none() | st.sampled_from(["2026-11-01", "4f1c"]),
    "sampling": SAMPLINGS,
    "omit": st.sets(st.sampled_from(["temperature", "seed", "n"])).map(sorted),
    "strict_schemas": st.booleans(),
    "response_format": st.sampled_from(["json_schema", "json_object", "none"]),
    "schema_in_prompt": st.none() | st.booleans(),
    "extra_body": st.dictionaries(st.sampled_from(["top_k", "think"]), st.integers(0, 2)),
}
BESIDE: Mapping[str, st.SearchStrategy[Any]] = {
    "models": st.lists(NAME, max_size=2),
    "profile": st.sampled_from(["standard", "compact"]),
    "writes_code": st.booleans(),
    "prices": st.dictionaries(NAME, st.just({"prompt_usd_per_mtok": 1.0, "completion_usd_per_mtok": 4.0}), max_size=1),
    "max_tokens_parameter": st.sampled_from(["max_tokens", "max_completion_tokens"]),
}


def endpoint_at(url: str, identity: str | None = None) -> Endpoint:
    return Endpoint(httpx.MockTransport(lambda _: httpx.Response(500)), url, identity=identity)


def at_once(answer: Coroutine[Any, Any, T]) -> T:
    """What needs no wait, without a loop: there are thousands of them."""
    with pytest.raises(StopIteration) as ended:
        answer.send(None)
    value: T = ended.value.value
    return value


def revision(pool: Mapping[str, Any], endpoint: Endpoint | None = None) -> str:
    pools = Pools({"p": PoolSettings.model_validate(pool)}, endpoint or endpoint_at("http://one/v1"))
    described, serving = at_once(pools.describe("p")), at_once(pools.serving("p", None))
    assert described.revision == serving.revision
    return described.revision


def meant(pool: Mapping[str, Any]) -> str:
    """What the settings say that matters, in one form, whatever was left to its default."""
    settings = PoolSettings.model_validate(pool)
    told = settings.model_dump(include=set(SHAPING))
    return json.dumps({**told, "omit": sorted(settings.omit)}, sort_keys=True)


NAMED = {name: SHAPING[name] for name in ("model", "sampling")}
POOLS = st.fixed_dictionaries(
    NAMED, optional={name: values for name, values in {**SHAPING, **BESIDE}.items() if name not in NAMED}
)


@given(POOLS, POOLS)
def test_two_pools_share_a_revision_exactly_if_they_answer_alike(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (revision(one) == revision(other)) == (meant(one) == meant(other))


@given(POOLS, st.sampled_from(sorted(SHAPING)), st.data())
def test_one_change_that_shapes_answers_is_another_revision(
    pool: dict[str, Any], name: str, data: st.DataObject
) -> None:
    changed = {**pool, name: data.draw(SHAPING[name])}

    assert (revision(pool) == revision(changed)) == (meant(pool) == meant(changed))


@given(POOLS, st.fixed_dictionaries({}, optional=BESIDE))
def test_what_shapes_no_answer_changes_no_revision(pool: dict[str, Any], beside: dict[str, Any]) -> None:
    assert revision({**pool, **beside}) == revision(pool)


@given(POOLS, st.randoms())
def test_the_order_of_fields_changes_no_revision(pool: dict[str, Any], random: Any) -> None:
    def shuffled(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: shuffled(value[name]) for name in random.sample(sorted(value), len(value))}

    assert revision(shuffled(pool)) == revision(pool)


def test_replicas_that_own_their_engine_share_a_revision() -> None:
    pool = {"model": "m"}
    left, right = (endpoint_at(f"http://127.0.0.1:{port}/v1", "vllm 0.32.0 m") for port in (40001, 40002))

    assert revision(pool, left) == revision(pool, right)


def test_another_endpoint_is_another_revision() -> None:
    pool = {"model": "m"}

    assert revision(pool, endpoint_at("http://one/v1")) != revision(pool, endpoint_at("http://two/v1"))


@pytest.mark.parametrize("fixed", [False, True])
def test_a_pool_tells_what_is_fixed_and_how_long_its_prompt_is(fixed: bool) -> None:  # noqa: FBT001 - two kinds
    pool = PoolSettings.model_validate(
        {"model": "m", "prompt": "naïve", "fixed": fixed, "sampling": {"max_tokens": 5, "stop": ["\n"]}}
    )

    described = at_once(Pools({"p": pool}, endpoint_at("http://one/v1")).describe("p"))

    assert described.fixed == (Sampling(max_tokens=5, stop=("\n",)) if fixed else None)
    assert described.prompt_bytes == 6
