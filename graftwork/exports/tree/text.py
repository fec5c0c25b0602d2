"""Texts of models inside documents: nothing that a document cannot hold, nothing that hides. Pure."""

import unicodedata

from graftwork.contracts.visible import visible

_LONGEST_LOOK = 2_000
_NARROW = frozenset("fijlrtI.,:;!'|()[]/ ")
_WIDE = frozenset("mwMWQO@%")
_WIDTHS = {"narrow": 0.36, "wide": 0.95, "other": 0.61}


def one_line(text: str | None) -> str:
    """The first line that says something, its white space as single spaces."""
    lines = (" ".join(line.split()) for line in visible((text or "")[:_LONGEST_LOOK]).splitlines())
    return next((line for line in lines if line), "")


def fitted(text: str, width: float, size: float) -> str:
    """Cut a line so that it fits ``width`` at a font size, both in pixels; an estimate, as fonts differ."""
    used = 0.0
    for index, char in enumerate(text):
        used += _share(char) * size
        if used > width:
            return f"{text[: max(index - 1, 0)].rstrip()}…"
    return text


def _share(char: str) -> float:
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    kind = "narrow" if char in _NARROW else "wide" if char in _WIDE else "other"
    return _WIDTHS[kind]
