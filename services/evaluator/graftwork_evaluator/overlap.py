"""Which of several metric sets the others agree with most (AutoSynth section 3.3, self-consistency).

The paper keeps the candidate with the highest mean semantic overlap with the other two and does not
say how overlap is measured. Ours is the symmetric mean-max cosine between ``name: definition`` texts:
each metric looks for its best match in the other set, the matches are averaged, and both directions
count the same.

Where the job names no embedder the texts are compared by character n-grams weighted by TF-IDF. Not by
an edit ratio (``rapidfuzz``): metric definitions share most of their wording ("the text should ..."),
and only the inverse document frequency keeps that boilerplate from deciding.
"""

import math
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

Vector = Mapping[int, float]
"""Sparse: dimension -> value."""

_GRAM_SIZES = (3, 4, 5)


@dataclass(frozen=True)
class Choice:
    """Index of the chosen set, and the mean overlap of every set with the others, -1 to 1."""

    chosen: int
    overlaps: tuple[float, ...]


def most_agreed(sets: Sequence[Sequence[Vector]]) -> Choice:
    """Choose the set with the highest mean overlap with the others; the first of equals.

    A set that stands alone is chosen, with overlap 0: nobody agreed with it, nobody disagreed.
    Raises ``ValueError`` when there is no set, or an empty one.
    """
    if not sets or not all(sets):
        raise ValueError("metric sets must not be empty")
    between = {frozenset(pair): overlap(sets[pair[0]], sets[pair[1]]) for pair in combinations(range(len(sets)), 2)}
    overlaps = tuple(_mean(value for pair, value in between.items() if index in pair) for index in range(len(sets)))
    return Choice(chosen=overlaps.index(max(overlaps)), overlaps=overlaps)


def overlap(left: Sequence[Vector], right: Sequence[Vector]) -> float:
    """Symmetric mean-max cosine of two sets of unit vectors, -1 to 1; 1 for equal sets."""
    table = [[cosine(a, b) for b in right] for a in left]
    forth = fmean(max(row) for row in table)
    back = fmean(max(column) for column in zip(*table, strict=True))
    return (forth + back) / 2


def cosine(left: Vector, right: Vector) -> float:
    """Cosine of two unit vectors, kept within [-1, 1] against rounding."""
    shorter, longer = sorted((left, right), key=len)
    dot = math.fsum(value * longer.get(dimension, 0.0) for dimension, value in shorter.items())
    return max(-1.0, min(1.0, dot))


def embedded(vectors: Sequence[Sequence[float]], *, centred: bool) -> list[Vector]:
    """Unit vectors from an embedder's answer.

    ``centred`` subtracts the mean of all of them first: the vectors of a language model that was not
    trained to embed share one large direction that says nothing.
    """
    mean = [fmean(column) for column in zip(*vectors, strict=True)] if centred else [0.0] * len(vectors[0])
    return [_unit({i: x - m for i, (x, m) in enumerate(zip(v, mean, strict=True))}) for v in vectors]


def lexical(texts: Sequence[str]) -> list[Vector]:
    """Unit TF-IDF vectors over character n-grams within words; frequencies are those of ``texts``."""
    counts = [Counter(_grams(text)) for text in texts]
    document_frequency = Counter(gram for count in counts for gram in count)
    dimension = {gram: index for index, gram in enumerate(sorted(document_frequency))}
    weight = {gram: 1 + math.log((1 + len(texts)) / (1 + n)) for gram, n in document_frequency.items()}
    return [_unit({dimension[g]: (1 + math.log(n)) * weight[g] for g, n in count.items()}) for count in counts]


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return fmean(known) if known else 0.0


def _grams(text: str) -> list[str]:
    words = [f" {word} " for word in text.casefold().split()]
    return [word[i : i + size] for word in words for size in _GRAM_SIZES for i in range(len(word) - size + 1)]


def _unit(vector: Mapping[int, float]) -> Vector:
    length = math.hypot(*vector.values())
    return {dimension: value / length for dimension, value in vector.items()} if length else {}
