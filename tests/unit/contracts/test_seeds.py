"""The seed space: a shuffled walk that is the same anywhere and repeats nothing early."""

import itertools

import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from graftwork.contracts.ids import canonical_json
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.seeds import seed_at

values = st.lists(st.text("abcdef", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)
spaces = st.builds(
    SeedSpace,
    facets=st.dictionaries(st.sampled_from(["topic", "audience", "form"]), values, min_size=1),
    rows=st.lists(st.integers(0, 99), max_size=5, unique=True).map(lambda ns: [{"row": n} for n in ns]),
    shuffle_seed=st.integers(0, 9),
)


@given(spaces)
@settings(max_examples=60)
def test_every_combination_comes_once_before_any_comes_again(space: SeedSpace) -> None:
    walked = [canonical_json(seed_at(space, i)) for i in range(space.size)]

    assert len(set(walked)) == space.size
    assert {canonical_json(seed_at(space, space.size + i)) for i in range(space.size)} == set(walked)


@given(spaces, st.integers(0, 10**9))
def test_a_seed_has_every_facet_and_the_same_value_each_time(space: SeedSpace, index: int) -> None:
    seed = seed_at(space, index)

    assert seed == seed_at(SeedSpace.model_validate_json(space.model_dump_json()), index)
    assert set(space.facets) <= set(seed)


def test_neighbours_are_shuffled() -> None:
    space = SeedSpace(facets={"n": tuple(map(str, range(1_000)))})
    walked = [int(seed_at(space, i)["n"]) for i in range(1_000)]

    assert sum(abs(a - b) == 1 for a, b in itertools.pairwise(walked)) < 20


@pytest.mark.parametrize("nothing", [{}, {"facets": {"topic": []}}])
def test_an_empty_space_is_refused(nothing: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"needs facets or rows|facets without values"):
        SeedSpace.model_validate(nothing)
