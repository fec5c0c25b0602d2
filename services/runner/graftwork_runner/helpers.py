"""The modules that we hand into the sandbox, where they are functions of this process: pure, and bounded here.

What they get comes from untrusted code, so each looks at the size of it before anything else. All that is linear
or nearly so; the time that a session's calls take together is bounded as well, since the sandbox's own clock stands
still meanwhile.
"""

import statistics
import string
import textwrap
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from pydantic_monty import ExternalModule

from graftwork.contracts.dialect import HELPERS
from graftwork.contracts.dialect import helper_stubs
from graftwork.contracts.dialect.interface import HELPER_CHARS
from graftwork.contracts.dialect.interface import HELPER_VALUES
from graftwork.contracts.dialect.interface import NARROWEST_LINE
from graftwork_runner import textkit

Clock = Callable[[], float]
_LARGEST = 2.0**63


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text is needed, not {type(value).__name__}")
    if len(value) > HELPER_CHARS:
        raise ValueError(f"a text of {len(value):,} characters; helpers take at most {HELPER_CHARS:,}")
    return value


def _width(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"the width is a whole number, not {type(value).__name__}")
    if not NARROWEST_LINE <= value <= HELPER_CHARS:
        raise ValueError(f"a width of {value!s:.20}; helpers take {NARROWEST_LINE} to {HELPER_CHARS:,}")
    return value


def _numbers(data: Any) -> list[float]:
    if not isinstance(data, list | tuple | set | frozenset):
        raise TypeError(f"a list of numbers is needed, not {type(data).__name__}")
    if len(data) > HELPER_VALUES:
        raise ValueError(f"{len(data):,} values; helpers take at most {HELPER_VALUES:,}")
    return [_number(value) for value in data]


def _number(value: Any) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"a number is needed, not {type(value).__name__}")
    if not -_LARGEST <= value <= _LARGEST:  # nor is NaN
        raise ValueError("helpers take finite numbers of at most 64 bits")
    return value


def _of_numbers(function: Callable[[Sequence[float]], float]) -> Callable[[Any], float]:
    def bounded(data: Any) -> float:
        return function(_numbers(data))

    return bounded


def _of_text(function: Callable[[str], Any]) -> Callable[[Any], Any]:
    def bounded(text: Any) -> Any:
        return function(_text(text))

    return bounded


def _wrap(text: Any, width: Any = 70) -> list[str]:
    return textwrap.wrap(_text(text), _width(width))


def _fill(text: Any, width: Any = 70) -> str:
    return textwrap.fill(_text(text), _width(width))


def _shorten(text: Any, width: Any, placeholder: Any = " [...]") -> str:
    return textwrap.shorten(_text(text), _width(width), placeholder=_text(placeholder))


def _indent(text: Any, prefix: Any) -> str:
    return _text(textwrap.indent(_text(text), _short(prefix)))


def _short(prefix: Any) -> str:
    if len(_text(prefix)) > NARROWEST_LINE:
        raise ValueError(f"a prefix of {len(prefix):,} characters; helpers take at most {NARROWEST_LINE}")
    return str(prefix)


CONTENT: Mapping[str, Mapping[str, Any]] = {
    "statistics": {offer.name: _of_numbers(getattr(statistics, offer.name)) for offer in HELPERS["statistics"]},
    "string": {offer.name: getattr(string, offer.name) for offer in HELPERS["string"]},
    "textkit": {offer.name: _of_text(getattr(textkit, offer.name)) for offer in HELPERS["textkit"]},
    "textwrap": {
        "dedent": _of_text(textwrap.dedent),
        "fill": _fill,
        "indent": _indent,
        "shorten": _shorten,
        "wrap": _wrap,
    },
}
"""Module name -> name -> what it is. The names are those of ``HELPERS``."""


def modules(seconds: float, clock: Clock) -> dict[str, ExternalModule]:
    """Modules for one session, whose calls may take ``seconds`` in all."""
    spent = _Spent(seconds, clock)
    return {
        name: ExternalModule(
            {key: spent.by(value) if callable(value) else value for key, value in content.items()},
            stubs=helper_stubs(name),
        )
        for name, content in CONTENT.items()
    }


class _Spent:
    """Time that the calls of a session took."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._left = seconds
        self._seconds = seconds
        self._clock = clock

    def by(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            if self._left <= 0:
                raise RuntimeError(f"the helpers were at work for more than {self._seconds:g} s")
            began = self._clock()
            try:
                return function(*arguments, **named)
            finally:
                self._left -= self._clock() - began

        return timed
