"""Recognises a record that says what an accepted one says already.

Exact: equal canonical JSON once text is normalised (Unicode NFC, case, white space). Near: estimated
Jaccard similarity of character 5-grams (Broder 1997; Leskovec et al., Mining of Massive Datasets,
section 3.2). Characters and not words, because records are short: in a text of 25 words one changed
word alters 3 of 23 word triples, and no pair would ever reach 0.85; and because not every language
puts spaces between words. A text shorter than five characters is one shingle.

``rensa`` and not ``datasketch``: 1 MB without dependencies against 171 MB with numpy and scipy.
Sketches are never stored, since a new release may compute them differently; they are made again from
the accepted rows. An index takes about 2.5 kB a row.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rensa import RMinHash
from rensa import RMinHashDeduplicator

from graftwork.contracts.ids import canonical_json

_SHINGLE_CHARS = 5
_PERMUTATIONS = 128  # standard error of a similarity: 0.03 at 0.85
_SEED = 42
_MISSED = 0.01  # share of pairs at exactly the threshold that the index may overlook


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a record: ``digest`` of its normalised content, sketch of its shingles."""

    digest: bytes
    sketch: RMinHash


@dataclass(frozen=True)
class Twin:
    """An accepted row that says the same; ``exact`` or merely similar."""

    sample_id: str
    exact: bool


def fingerprint(record: Mapping[str, Any]) -> Fingerprint:
    """Fingerprint of a record; equal records have equal ones, wherever and whenever made."""
    normal = _normalised(record)
    sketch = RMinHash(_PERMUTATIONS, _SEED)
    sketch.update(shingles("\n".join(_leaves(normal))))
    return Fingerprint(hashlib.blake2b(canonical_json(normal), digest_size=16).digest(), sketch)


def shingles(text: str) -> list[str]:
    """Character 5-grams of ``text``, repeated ones included; a shorter text is its own only shingle."""
    return [text[i : i + _SHINGLE_CHARS] for i in range(max(1, len(text) - _SHINGLE_CHARS + 1))]


class SeenRows:
    """The rows accepted so far, as far as needed to recognise another one like them.

    Its answers depend on which rows it remembers and not on when they came. Not safe for use by
    several threads at once.
    """

    def __init__(self, similarity: float) -> None:
        self.similarity = similarity
        self._digests: dict[bytes, int] = {}
        self._ids: list[str] = []
        self._near = RMinHashDeduplicator(similarity, _PERMUTATIONS, True, bands(similarity), _SEED)  # noqa: FBT003

    def __len__(self) -> int:
        return len(self._ids)

    def twin_of(self, candidate: Fingerprint) -> Twin | None:
        """The earliest accepted row that is a duplicate of ``candidate``, exact ones first."""
        same = self._digests.get(candidate.digest)
        if same is not None:
            return Twin(self._ids[same], exact=True)
        similar = self._near.get_duplicates(candidate.sketch)
        return Twin(self._ids[min(map(int, similar))], exact=False) if similar else None

    def remember(self, sample_id: str, accepted: Fingerprint) -> None:
        """Add an accepted row: one that has no twin here."""
        place = len(self._ids)
        self._digests[accepted.digest] = place
        self._near.add(str(place), accepted.sketch)
        self._ids.append(sample_id)


def bands(similarity: float) -> int:
    """Fewest bands of the index that overlook at most 1 % of the pairs at ``similarity``."""
    rows = _PERMUTATIONS
    while rows > 1 and (1 - similarity**rows) ** (_PERMUTATIONS // rows) > _MISSED:
        rows //= 2
    return _PERMUTATIONS // rows


def _normalised(value: Any) -> Any:
    match value:
        case str():
            return " ".join(unicodedata.normalize("NFC", value.casefold()).split())
        case Mapping():
            return {key: _normalised(item) for key, item in value.items()}
        case list() | tuple():
            return [_normalised(item) for item in value]
        case _:
            return value


def _leaves(value: Any) -> Iterator[str]:
    match value:
        case Mapping():
            for key in sorted(value):
                yield from _leaves(value[key])
        case list():
            for item in value:
                yield from _leaves(item)
        case _:
            yield str(value)
