"""The seed space: where a job without data takes its inputs from.

A seed is one combination of facet values (topic, audience, ...), crossed with the user's own rows
where there are any. ``seed_at`` walks the combinations in a shuffled order without storing it.
"""

import hashlib
import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field
from pydantic import model_validator

from graftwork.contracts.base import Contract

_ROUNDS = 4


class SeedSpace(Contract):
    """Facets (name -> values) and rows (records given by the user); their product is the space."""

    facets: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    rows: tuple[Mapping[str, Any], ...] = ()
    shuffle_seed: int = 0

    @model_validator(mode="after")
    def _is_not_empty(self) -> "SeedSpace":
        if not self.facets and not self.rows:
            msg = "a seed space needs facets or rows"
            raise ValueError(msg)
        empty = [name for name, values in self.facets.items() if not values]
        if empty:
            msg = f"facets without values: {', '.join(empty)}"
            raise ValueError(msg)
        return self

    @property
    def size(self) -> int:
        """Number of distinct seeds."""
        return max(1, len(self.rows)) * math.prod(len(values) for values in self.facets.values())


def seed_at(space: SeedSpace, index: int) -> dict[str, Any]:
    """Return the seed at ``index`` >= 0.

    Distinct for all indices below ``space.size``; beyond it a new shuffle starts, so every value is
    used equally often. A pure function: the same space and index give the same seed anywhere.
    """
    lap, position = divmod(index, space.size)
    place = _shuffled(position, space.size, f"{space.shuffle_seed}:{lap}")
    seed: dict[str, Any] = {}
    if space.rows:
        place, row = divmod(place, len(space.rows))
        seed.update(space.rows[row])
    for name, values in sorted(space.facets.items()):
        place, value = divmod(place, len(values))
        seed[name] = values[value]
    return seed


def _shuffled(position: int, size: int, key: str) -> int:
    """Permute [0, size) with a small Feistel network, walking until the value falls inside."""
    half_bits = max(1, ((size - 1).bit_length() + 1) // 2)
    mask = (1 << half_bits) - 1
    value = position
    while True:
        left, right = value >> half_bits, value & mask
        for round_number in range(_ROUNDS):
            left, right = right, left ^ (_round(right, round_number, key) & mask)
        value = (left << half_bits) | right
        if value < size:
            return value


def _round(value: int, round_number: int, key: str) -> int:
    data = hashlib.blake2b(f"{key}:{round_number}:{value}".encode(), digest_size=8).digest()
    return int.from_bytes(data, "big")
