"""Text of users and models inside Markdown, so that it reads as text and never as markup."""

import re

from graftwork.contracts.visible import HIDDEN

_MARKUP = re.compile(r"[\\`*{}\[\]<>#|~&$]|(?<![^\W_])_|_(?![^\W_])")  # an underscore inside a word is no markup
_BLOCK_START = re.compile(r"^([-+=]|\d{1,9}(?=[.)]))")
_BACKTICKS = re.compile(r"`+")


class Verbatim(str):
    """Markdown made here; everything else is escaped when a card is rendered."""

    __slots__ = ()


def inline(text: str) -> Verbatim:
    """Text on one line, with every character that Markdown, HTML or maths could read escaped."""
    return Verbatim(_MARKUP.sub(r"\\\g<0>", " ".join(visible(text).split())))


def quoted(text: str) -> Verbatim:
    """Text as a block quote that keeps its lines."""
    lines = (_line(line) for line in visible(text).strip().splitlines())
    return Verbatim("\n".join(f"> {line}".rstrip() for line in lines))


def fenced(text: str, language: str = "text") -> Verbatim:
    """Text as a code block, in a fence longer than any inside it."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    fence = "`" * max(3, longest + 1)
    return Verbatim(f"{fence}{language}\n{visible(text).rstrip()}\n{fence}")


def visible(text: str) -> str:
    """Text with control characters, and those that reorder text, spelt out as Python escapes them."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return HIDDEN.sub(lambda found: _spelt_out(found[0]), text)


def _line(text: str) -> str:
    escaped = inline(text)
    return _BLOCK_START.sub(lambda found: f"\\{found[0]}" if not found[0].isdigit() else f"{found[0]}\\", escaped)


def _spelt_out(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode()
