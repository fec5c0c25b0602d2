"""The seed space of a job: what its inputs vary over (a task has one paragraph and no data)."""

import re
from collections.abc import Mapping
from collections.abc import Sequence

from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.seeds import SeedSpace

FEWEST_FACETS, MOST_FACETS = 3, 6
FEWEST_VALUES, MOST_VALUES = 5, 30
MAX_VALUE_CHARS = 200

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def given_space(spec: JobSpec) -> SeedSpace | None:
    """Return the user's own facets and rows, crossed; None when there are neither and a model has to propose."""
    if spec.facets is None and spec.seeds is None:
        return None
    return SeedSpace(facets=spec.facets or {}, rows=spec.seeds or (), shuffle_seed=spec.seed)


def facet_problems(facets: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    """Everything wrong with proposed facets (name, values), readable."""
    found = []
    if not FEWEST_FACETS <= len(facets) <= MOST_FACETS:
        found.append(f"{FEWEST_FACETS} to {MOST_FACETS} facets are wanted, there are {len(facets)}")
    names = [name for name, _ in facets]
    found += [f"facet {name!r} appears twice" for name in dict.fromkeys(n for n in names if names.count(n) > 1)]
    for name, values in facets:
        if not _NAME.fullmatch(name):
            found.append(f"facet {name!r} must be named in snake_case: it is the key of the seed")
        if not FEWEST_VALUES <= len(values) <= MOST_VALUES:
            found.append(f"facet {name!r} has {len(values)} distinct values, wanted {FEWEST_VALUES} to {MOST_VALUES}")
        found += [f"facet {name!r} has a value above {MAX_VALUE_CHARS} characters"] * any(
            len(value) > MAX_VALUE_CHARS for value in values
        )
    return found


def distinct(values: Sequence[str]) -> tuple[str, ...]:
    """Drop what is empty or was there before, whatever its case and spacing; keep the order."""
    seen: dict[str, str] = {}
    for value in values:
        if key := " ".join(value.casefold().split()):
            seen.setdefault(key, " ".join(value.split()))
    return tuple(seen.values())


def proposed_space(facets: Mapping[str, Sequence[str]], spec: JobSpec) -> SeedSpace:
    """Space over proposed facets; the job's seed shuffles it."""
    return SeedSpace(facets={name: tuple(values) for name, values in facets.items()}, shuffle_seed=spec.seed)
