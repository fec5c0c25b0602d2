"""What both clients need to open a connection."""

import os
from dataclasses import dataclass
from dataclasses import field
from typing import Any
from typing import Self

import httpx

from graftwork import __version__
from graftwork.client.errors import NoAddress
from graftwork.client.errors import Unreachable

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Connection:
    """Where the server is, with or without its ``/v1``, and who asks. ``api_key`` stays out of ``repr``."""

    url: str
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str | None, api_key: str | None) -> Self:
        """Return what was given, else what the environment names. Raises ``NoAddress``.

        The environment's key goes to no other server than the environment's.
        """
        if url is not None:
            return cls(url, api_key)
        found = os.environ.get("GRAFTWORK_URL")
        if not found:
            raise NoAddress
        return cls(found, api_key or os.environ.get("GRAFTWORK_API_KEY") or None)

    def options(self) -> dict[str, Any]:
        """Arguments of an httpx client. Raises ``Unreachable`` for what is no URL."""
        headers = {"User-Agent": f"graftwork/{__version__}", "Accept": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        url = self._parsed()
        # Proxies of the environment never apply to this machine, which they cannot see.
        return {"base_url": url, "headers": headers, "timeout": TIMEOUT, "trust_env": url.host not in _LOOPBACK}

    def _parsed(self) -> httpx.URL:
        try:
            return httpx.URL(self.url.rstrip("/").removesuffix("/v1"))
        except httpx.InvalidURL as error:
            raise Unreachable(self.url, str(error)) from error
