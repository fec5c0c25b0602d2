from pathlib import Path

import pytest

from graftwork.cli.job_file import load_job
from graftwork.contracts.ids import canonical_json
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace
from graftwork.contracts.seeds import seed_at

EXAMPLES = Path(__file__).parents[2] / "examples"


def example(name: str) -> JobSpec:
    return load_job(EXAMPLES / name).spec


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda file: file.name)
def test_every_example_is_a_valid_job(file: Path) -> None:
    assert load_job(file).spec.count > 0


def test_the_demo_has_more_distinct_seeds_than_candidates() -> None:
    spec = example("fractions.yaml")
    space = SeedSpace(facets=spec.facets or {}, rows=spec.seeds or (), shuffle_seed=spec.seed)
    walked = {canonical_json(seed_at(space, index)) for index in range(spec.candidate_budget)}
    assert len(walked) == spec.candidate_budget


def test_every_seed_of_the_demo_carries_another_fact() -> None:
    facts = [row["fact"] for row in example("fractions.yaml").seeds or ()]
    assert len(set(facts)) == len(facts) >= 40
