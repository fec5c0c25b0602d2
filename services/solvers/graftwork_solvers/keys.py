"""The endpoint's API key: sent to the endpoint, and blotted out of whatever comes back. Pure."""

import base64
import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json

from graftwork.kit.errors import GraftworkError

BLOT = "***"
# Shorter ones are what servers without keys are given: "none", "EMPTY", "ollama".
_WORTH_HIDING_CHARS = 8
# What is as long as this and stands in an answer came from us; a shorter one may be an honest word.
_NO_WORD_CHARS = 16
# Some endpoints quote the beginning of a key.
_BEGINNING_CHARS = 8


class Key:
    """One key. ``Key("")`` hides nothing."""

    def __init__(self, value: str) -> None:
        self.value = value
        forms = _forms(value) if len(value) >= _WORTH_HIDING_CHARS else []
        beginning = re.escape(value[:_BEGINNING_CHARS]) + r"[\w*.…-]*"
        self._in_words = re.compile("|".join([*map(re.escape, forms), beginning]), re.IGNORECASE) if forms else None
        in_answers = forms if len(value) >= _NO_WORD_CHARS else []
        self._in_answers = re.compile("|".join(map(re.escape, in_answers)))
        self._written = tuple(to_json(form)[1:-1] for form in in_answers)

    def blotted(self, words: str) -> str:
        """Words for an error, and so for logs and statuses, without the key in any form, and without its beginning."""
        return words if self._in_words is None else self._in_words.sub(BLOT, words)

    def blotted_answer(self, raw: bytes, value: Mapping[str, Any]) -> Mapping[str, Any]:
        """``value``, read from ``raw``, without the key in its texts: they go into journals and datasets."""
        if not any(form in raw for form in self._written):
            return value
        return {name: _blotted(part, lambda text: self._in_answers.sub(BLOT, text)) for name, part in value.items()}

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Blot it out of every error; the error's cause goes, since it quotes the endpoint too."""
        try:
            yield
        except GraftworkError as error:
            error.args = (self.blotted(str(error)),)
            raise error from None


def _forms(key: str) -> list[str]:
    encoded = [base64.b64encode(plain.encode()).decode().rstrip("=") for plain in (key, f":{key}")]
    web_safe = [form.translate(str.maketrans("+/", "-_")) for form in encoded]
    # The longest first: one form may begin with another.
    return sorted({key, quote(key, safe=""), *encoded, *web_safe}, key=len, reverse=True)


def _blotted(value: Any, blot: Callable[[str], str]) -> Any:
    match value:
        case str():
            return blot(value)
        case list():
            return [_blotted(part, blot) for part in value]
        case dict():
            return {name: _blotted(part, blot) for name, part in value.items()}
    return value
