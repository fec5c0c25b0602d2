"""Which seed indices belong to which purpose: disjoint, so that a workflow cannot be tuned to them. Pure."""

from dataclasses import dataclass

from graftwork.contracts.jobs import SearchSpec


@dataclass(frozen=True)
class SeedRange:
    """Indices [first, first + count)."""

    first: int
    count: int


def evaluation_range(search: SearchSpec) -> SeedRange:
    """Seeds of every evaluation, reviews included: the same for all nodes, so that rewards compare."""
    return SeedRange(0, search.evaluation_samples)


def finalist_range(search: SearchSpec) -> SeedRange:
    """Fresh seeds that no optimizer has seen the outcome of."""
    evaluation = evaluation_range(search)
    return SeedRange(evaluation.first + evaluation.count, search.finalist_samples or search.evaluation_samples)


def production_start(search: SearchSpec) -> int:
    """First index of the production."""
    finalists = finalist_range(search)
    return finalists.first + finalists.count
