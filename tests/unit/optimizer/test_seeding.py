"""Seed spaces: given by the user or proposed."""

import pytest

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork_optimizer.seeding import distinct
from graftwork_optimizer.seeding import facet_problems
from graftwork_optimizer.seeding import given_space

FIVE = ("a", "b", "c", "d", "e")
TASK = "Explain fractions to children."


def space_of(spec: JobSpec) -> SeedSpace:
    space = given_space(spec)
    assert space is not None
    return space


def test_without_facets_and_rows_a_model_has_to_propose() -> None:
    assert given_space(JobSpec(task=TASK, count=1)) is None


def test_the_users_facets_and_rows_are_crossed_and_shuffled_by_the_jobs_seed() -> None:
    spec = JobSpec(task=TASK, count=1, seed=7, facets={"tone": ("calm", "gay")}, seeds=({"topic": "halves"},) * 3)
    space = space_of(spec)
    assert (space.size, space.shuffle_seed) == (6, 7)


def test_rows_alone_are_a_space() -> None:
    assert space_of(JobSpec(task=TASK, count=1, seeds=({"topic": "halves"}, {"topic": "thirds"}))).size == 2


def test_few_values_of_a_user_are_not_refused() -> None:
    assert space_of(JobSpec(task=TASK, count=1, facets={"Topic": ("one",)})).size == 1


def test_good_facets_have_no_problem() -> None:
    assert facet_problems([("topic", FIVE), ("reader", FIVE), ("form", FIVE)]) == []


@pytest.mark.parametrize(
    ("facets", "problem"),
    [
        ([("topic", FIVE)], "3 to 6 facets are wanted, there are 1"),
        ([(f"facet_{n}", FIVE) for n in range(7)], "there are 7"),
        ([("topic", FIVE), ("topic", FIVE), ("form", FIVE)], "facet 'topic' appears twice"),
        ([("Topic area", FIVE), ("reader", FIVE), ("form", FIVE)], "facet 'Topic area' must be named in snake_case"),
        (
            [("topic", FIVE[:4]), ("reader", FIVE), ("form", FIVE)],
            "facet 'topic' has 4 distinct values, wanted 5 to 30",
        ),
        ([("topic", tuple(map(str, range(31)))), ("reader", FIVE), ("form", FIVE)], "has 31 distinct values"),
        ([("topic", (*FIVE, "x" * 201)), ("reader", FIVE), ("form", FIVE)], "has a value above 200 characters"),
    ],
)
def test_what_is_wrong_with_proposed_facets_is_told(facets: list[tuple[str, tuple[str, ...]]], problem: str) -> None:
    assert [one for one in facet_problems(facets) if problem in one]


def test_values_that_differ_only_in_case_and_spacing_are_one() -> None:
    assert distinct(["Adding  halves", "adding halves", "", " ", "thirds"]) == ("Adding halves", "thirds")
