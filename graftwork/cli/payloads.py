"""Anybody's bytes for a terminal: JSON indented, other text as it is, the rest in hex. Pure."""

import json

from graftwork.cli.words import printable

_ROW = 16
_INDENT_AT_MOST = 1024 * 1024


def payload_text(data: bytes) -> str:
    """Return ``data`` so that a person can read it, without anything that a terminal would obey."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return hex_dump(data)
    return printable(_indented(text)) if _is_text(text) else hex_dump(data)


def hex_dump(data: bytes) -> str:
    """``00000010  48 65 6c 6c 6f                                    |Hello|``, a row for every 16 bytes."""
    rows = range(0, len(data), _ROW)
    return "\n".join(
        f"{first:08x}  {_hex(data[first : first + _ROW])}  |{_ascii(data[first : first + _ROW])}|" for first in rows
    )


def _indented(text: str) -> str:
    """What is no JSON, or so deep or large that indenting it would take long, stays as it is."""
    if len(text) > _INDENT_AT_MOST:
        return text
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _is_text(text: str) -> bool:
    return all(letter.isprintable() or letter in "\n\r\t" for letter in text) or _is_json(text)


def _is_json(text: str) -> bool:
    return text.lstrip()[:1] in {"{", "["}


def _hex(row: bytes) -> str:
    return row.hex(" ").ljust(3 * _ROW - 1)


def _ascii(row: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - what ASCII prints
