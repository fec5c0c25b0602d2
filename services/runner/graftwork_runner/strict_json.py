"""JSON from untrusted hands: bounded in size, depth and count, and without what readers disagree about."""

import json
from dataclasses import dataclass
from typing import Any
from typing import NoReturn

from graftwork_runner.errors import JsonRefused

_MAX_DIGITS = 18


@dataclass(frozen=True)
class JsonLimits:
    """``values`` counts every scalar, list and object."""

    chars: int = 256 * 1024
    depth: int = 32
    values: int = 20_000


def parse_strictly(text: str, limits: JsonLimits) -> Any:
    """Value of ``text``.

    Raises ``JsonRefused`` for anything beyond the limits, duplicate keys, NaN, infinities, integers
    outside 64 bits and lone surrogates.
    """
    if len(text) > limits.chars:
        raise JsonRefused(f"{len(text):,} characters of JSON; at most {limits.chars:,} are allowed")
    try:
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded_int,
            object_pairs_hook=_unique_keys,
        )
    except json.JSONDecodeError as error:
        raise JsonRefused(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise JsonRefused(f"nested too deeply; at most {limits.depth} levels are allowed") from error
    _check_shape(value, limits)
    return value


def parse_object(text: str, limits: JsonLimits) -> dict[str, Any]:
    """Parse ``text``, which has to be an object. Raises ``JsonRefused``."""
    value = parse_strictly(text, limits)
    if not isinstance(value, dict):
        raise JsonRefused(f"a JSON object is needed, not {_name_of(value)}")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise JsonRefused(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise JsonRefused(f"the number {text[:40]} is too large")
    return number


def _bounded_int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise JsonRefused(f"an integer of {len(text)} digits; at most {_MAX_DIGITS} are allowed")
    return int(text)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise JsonRefused("an object has the same key twice")
    return found


def _check_shape(value: Any, limits: JsonLimits) -> None:
    """Walk level by level: the recursion limit of this process must not be the untrusted side's to reach."""
    level, depth, count = [value], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > limits.depth:
            raise JsonRefused(f"nested too deeply; at most {limits.depth} levels are allowed")
        if count > limits.values:
            raise JsonRefused(f"too many values; at most {limits.values:,} are allowed")
        level = [child for item in level for child in _children(item)]


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, list):
        return item
    if isinstance(item, str) and not _is_unicode(item):
        raise JsonRefused("text with a lone surrogate")
    return []


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _name_of(value: Any) -> str:
    return {"list": "a list", "str": "text", "NoneType": "null", "bool": "a boolean"}.get(
        type(value).__name__, "a number"
    )
