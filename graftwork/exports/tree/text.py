"""Texts of models inside documents: nothing that a document cannot hold, nothing that hides. Pure."""

import unicodedata

_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSEEN = frozenset({"Cc", "Cs", "Cn"})
_KEPT = frozenset("\n\t")
_NARROW = frozenset("fijlrtI.,:;!'|()[]/ ")
_WIDE = frozenset("mwMWQO@%")
_WIDTHS = {"narrow": 0.36, "wide": 0.95, "other": 0.61}


def visible(text: str) -> str:
    """Text without control characters, halves of characters and what turns the reading direction."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join("\N{REPLACEMENT CHARACTER}" if _hidden(char) else char for char in text)


def one_line(text: str | None) -> str:
    """The first line that says something, its white space as single spaces."""
    lines = (" ".join(line.split()) for line in visible(text or "").splitlines())
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


def _hidden(char: str) -> bool:
    if char in _KEPT:
        return False
    return char in _REORDERING or unicodedata.category(char) in _UNSEEN
