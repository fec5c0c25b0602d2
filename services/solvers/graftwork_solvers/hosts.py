"""What some endpoints do without saying so; whatever they refuse aloud, the dialect learns. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Habits:
    """``omit``: parameters not to send. ``lists_with``: the header that holds the key where models are listed."""

    omit: frozenset[str] = frozenset()
    ignores_schemas: bool = False
    lists_with: str | None = None
    lists_also_with: Mapping[str, str] | None = None

    def listing_headers(self, key: str) -> Mapping[str, str] | None:
        """Headers to ask for the list of models with, beside the usual ones; None: the usual ones will do."""
        if self.lists_with is None or not key:
            return None
        return {self.lists_with: key, **(self.lists_also_with or {})}


_KNOWN = {
    # Its OpenAI-compatible door takes n = 1 alone and reads no response_format; its list is its own API's.
    "api.anthropic.com": Habits(
        omit=frozenset({"n"}),
        ignores_schemas=True,
        lists_with="x-api-key",
        lists_also_with={"anthropic-version": "2023-06-01"},
    ),
}


def habits_of(url: str) -> Habits:
    """Habits of the endpoint at ``url``: none, where it is not known."""
    return _KNOWN.get(urlsplit(url).hostname or "", Habits())
