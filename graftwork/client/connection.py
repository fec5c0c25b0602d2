"""What both clients need to open a connection."""

from dataclasses import dataclass
from dataclasses import field
from typing import Any

import httpx

from graftwork import __version__

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
CONNECT_ATTEMPTS = 2
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Connection:
    """Where the server is and who asks. ``api_key`` stays out of ``repr``."""

    url: str
    api_key: str | None = field(default=None, repr=False)

    def options(self) -> dict[str, Any]:
        """Arguments of an httpx client."""
        headers = {"User-Agent": f"graftwork/{__version__}", "Accept": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        return {"base_url": self.url, "headers": headers, "timeout": TIMEOUT, "trust_env": self.trusts_environment}

    @property
    def trusts_environment(self) -> bool:
        """Whether proxies of the environment apply: never to this machine, which they cannot see."""
        return httpx.URL(self.url).host not in _LOOPBACK
