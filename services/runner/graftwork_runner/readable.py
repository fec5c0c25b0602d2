"""Text from untrusted hands, made fit for logs, terminals and prompts."""

import re

from graftwork.contracts.visible import HIDDEN

_ESCAPE_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor moves
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and their like: titles, links
    r"|\x1b[ -/]*[0-~]?"
)


def readable(text: str, limit: int = 500) -> str:
    """Return ``text`` without terminal escapes, control and direction characters, at most ``limit`` characters."""
    bounded = text[: 4 * limit].encode("utf-8", "replace").decode()
    clean = HIDDEN.sub("", _ESCAPE_SEQUENCES.sub("", bounded)).strip()
    if len(clean) <= limit and len(text) <= 4 * limit:
        return clean
    return f"{clean[: limit - 6].rstrip()} [...]"
