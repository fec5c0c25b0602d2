"""Where each pool's pods are: the setting ``GRAFTWORK_POOLS``."""

import json
from collections.abc import Mapping
from typing import Annotated
from typing import Any
from typing import Self

from pydantic import BeforeValidator
from pydantic import Field
from pydantic_settings import NoDecode

from graftwork.contracts.base import Contract
from graftwork.kit.errors import UnknownPool

_DEFAULT = "default"

Target = Annotated[str, Field(min_length=1)]


class PoolAddresses(Contract):
    """Pool -> gRPC target (``host:port``, ``dns:///name:port``); ``default`` serves every other pool."""

    by_pool: Mapping[str, Target]

    def of(self, pool: str) -> str:
        """Target of a pool. Raises ``UnknownPool``."""
        found = self.by_pool.get(pool) or self.by_pool.get(_DEFAULT)
        if found is None:
            raise UnknownPool(f"pool {pool!r} has no address: GRAFTWORK_POOLS names {', '.join(sorted(self.by_pool))}")
        return found

    @classmethod
    def everywhere(cls, target: str) -> Self:
        """One target for all pools."""
        return cls(by_pool={_DEFAULT: target})


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("{"):
        return PoolAddresses.everywhere(value.strip())
    return {"by_pool": json.loads(value)}


PoolsSetting = Annotated[PoolAddresses, NoDecode, BeforeValidator(_read)]
"""Type of a settings field read from a target for all pools, or from a JSON object pool -> target."""
