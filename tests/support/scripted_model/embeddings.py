"""Embeddings without a model: texts that share words and parts of words lie close together."""

import math
import re
import zlib

DIMENSIONS = 256
_WORD = re.compile(r"\w+")
_PART = 4


def embedded(text: str) -> list[float]:
    """Unit vector of hashed words and four-letter parts of words."""
    vector = [0.0] * DIMENSIONS
    for word in _WORD.findall(text.lower()):
        _count(vector, word, 1.0)
        for start in range(len(word) - _PART + 1):
            _count(vector, "~" + word[start : start + _PART], 0.5)
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


def _count(vector: list[float], part: str, weight: float) -> None:
    vector[zlib.crc32(part.encode()) % DIMENSIONS] += weight
