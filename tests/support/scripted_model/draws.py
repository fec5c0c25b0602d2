"""Randomness by label: the same key and label give the same draw, in any order, on any machine."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

_STEPS = 1 << 53
_KEY_BYTES = 4


class Draws:
    """Draws that depend on the key and the label alone, so that one more draw shifts no other."""

    def __init__(self, *key: object) -> None:
        self._key = _joined(key)

    def share(self, *label: object) -> float:
        """Uniform in [0, 1)."""
        return (self._whole(label) % _STEPS) / _STEPS

    def between(self, low: float, high: float, *label: object) -> float:
        """Uniform in [low, high)."""
        return low + (high - low) * self.share(*label)

    def below(self, bound: int, *label: object) -> int:
        """Integer in [0, bound)."""
        return self._whole(label) % bound

    def choose(self, items: Sequence[T], *label: object) -> T:
        """One of ``items``, which may not be empty."""
        return items[self.below(len(items), *label)]

    def shuffled(self, items: Sequence[T], *label: object) -> list[T]:
        """All of ``items`` in another order."""
        data = hashlib.shake_256(self._key + b"\x1e" + _joined(label)).digest(_KEY_BYTES * len(items))
        order = sorted(range(len(items)), key=lambda place: data[_KEY_BYTES * place : _KEY_BYTES * (place + 1)])
        return [items[place] for place in order]

    def _whole(self, label: tuple[object, ...]) -> int:
        data = hashlib.blake2b(self._key + b"\x1e" + _joined(label), digest_size=8).digest()
        return int.from_bytes(data, "big")


def _joined(parts: tuple[object, ...]) -> bytes:
    return "\x1f".join(map(str, parts)).encode()
