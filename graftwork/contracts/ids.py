"""Deterministic identifiers: the one place that knows their format.

The format is the key under which every ledger recognises work it has already done. It may never
change: a changed format makes every redelivered event look new.
"""

import hashlib
import json
from typing import Any

_SEPARATOR = ":"


def derived_id(*parts: str | int) -> str:
    """Identifier made of its parts, e.g. ``derived_id("job-1", "node", 3) == "job-1:node:3"``."""
    return _SEPARATOR.join(str(part) for part in parts)


def first_part(identifier: str) -> str:
    """First of the parts that ``derived_id`` joined."""
    return identifier.partition(_SEPARATOR)[0]


def canonical_json(value: Any) -> bytes:
    """One byte string per JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest(value: Any) -> str:
    """Hex sha256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def stable_int(*parts: str | int, bits: int = 31) -> int:
    """Integer in [0, 2**bits) that depends on the parts alone; the source of every seed."""
    whole = hashlib.sha256(derived_id(*parts).encode()).digest()
    return int.from_bytes(whole[:8], "big") % (1 << bits)
