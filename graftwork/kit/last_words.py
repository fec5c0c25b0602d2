"""What the end of a log says went wrong, in one line."""

import json
from collections.abc import Sequence
from typing import Any

LONGEST = 300
COMPLAINTS = ("error", "exception", "fail", "fatal", "cannot", "unable")
SEVERE = {"E", "F", "error", "critical"}


def last_words(log_tail: Sequence[str]) -> str:
    """Return the last complaint that gives a reason, else the last line; empty for an empty log.

    Lines of mongod and of our own services are JSON objects: their severity is known, and what they say is
    put together from their fields.
    """
    read = [_read(line) for line in log_tail if line]
    complaints = [said for said, complains in read if complains]
    return (complaints or [said for said, _ in read] or [""])[-1][:LONGEST]


def _read(line: str) -> tuple[str, bool]:
    try:
        fields = json.loads(line)
    except ValueError:
        fields = None
    if isinstance(fields, dict):
        return _read_fields(fields)
    return line, any(word in line.lower() for word in COMPLAINTS)


def _read_fields(fields: dict[str, Any]) -> tuple[str, bool]:
    """Read a record; a severe one without a reason only repeats that something is wrong, as mongod's last do."""
    said = str(fields.get("msg") or fields.get("event") or fields)
    reason = _reason(fields)
    severe = fields.get("s", fields.get("level")) in SEVERE
    return " ".join(f"{said}: {reason}".split()) if reason else " ".join(said.split()), severe and bool(reason)


def _reason(fields: dict[str, Any]) -> str:
    attributes = fields.get("attr", fields)
    error = attributes.get("error") or attributes.get("message") or ""
    if isinstance(error, dict):
        return str(error.get("errmsg") or error)
    exception = str(attributes.get("exception") or "").strip().splitlines()
    return str(error) or "".join(exception[-1:])
