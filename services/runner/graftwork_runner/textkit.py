"""Small helpers for workflows, importable there as ``textkit``. Pure, linear, and of Python's own library alone.

So that every runtime can hand them in: as functions of ours, or as this file in a tree of its own.
"""

import re
import unicodedata

_WORD = re.compile(r"\w+(?:['\u2019-]\w+)*")
_CLOSING = re.compile(r"""(?<=[.!?\u2026\u3002\uff01\uff1f])["'\u201d\u2019)\]]*(?:\s+|$)""")
_FENCE = re.compile(r"```[^\n`]*\n(.*?)\n?```", re.DOTALL)
_QUOTES = {'"': '"', "'": "'", "\u201c": "\u201d", "\u2018": "\u2019", "`": "`"}
_SHORTEST_QUOTED = 2


def word_count(text: str) -> int:
    """Number of words; numbers count, punctuation does not."""
    return len(_WORD.findall(text))


def sentences(text: str) -> list[str]:
    """Sentences of a text, each with its closing mark; an abbreviation may end one."""
    found, start = [], 0
    for ending in _CLOSING.finditer(text):
        found.append(text[start : ending.end()].strip())
        start = ending.end()
    return [one for one in (*found, text[start:].strip()) if one]


def slug(text: str) -> str:
    """Lower-case ASCII words joined by hyphens; letters lose their accents."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return "-".join(re.findall("[a-z0-9]+", plain.lower()))


def unfenced(text: str) -> str:
    """An answer without the ``` fence or the quotes around all of it."""
    bare = text.strip()
    fence = _FENCE.fullmatch(bare)
    if fence is not None and "```" not in fence[1]:
        return fence[1].strip()
    opening, closing = bare[:1], bare[-1:]
    if len(bare) < _SHORTEST_QUOTED or _QUOTES.get(opening) != closing:
        return bare
    inner = bare[1:-1]
    return bare if opening in inner or closing in inner else inner.strip()
