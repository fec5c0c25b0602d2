"""API keys, kept as hashes.

A key is 256 random bits, so there is nothing to guess and a plain sha256 is enough; slow hashes
protect what people choose, and would cost every request tens of milliseconds. Looking a hash up by
equality leaks nothing useful through timing, since its caller cannot choose its bits.
"""

import hashlib
import secrets
from collections.abc import Mapping

from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork_gateway.errors import KeyRefused

KEYS = "keys"
DEFAULT_TENANT = "default"
_PREFIX = "gw_"
_BEARER = "bearer "


def new_key() -> str:
    """A fresh key; shown once, since only its hash is kept."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """What is kept of a key, and its ``_id``."""
    return hashlib.sha256(key.encode()).hexdigest()


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Key of a request: ``Authorization: Bearer`` or ``X-API-Key``; header names in lower case."""
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip() or None
    return headers.get("x-api-key", "").strip() or None


async def tenant_of(read: Reader, headers: Mapping[str, str]) -> str:
    """Tenant that the request's key belongs to. Raises ``KeyRefused``."""
    key = presented_key(headers)
    if key is None:
        raise KeyRefused("send an API key as 'Authorization: Bearer gw_...'")
    row = await read.find_one(KEYS, {"_id": hash_of(key)}, {"tenant": 1})
    if row is None:
        raise KeyRefused("this API key is not known here")
    return str(row["tenant"])


async def remember_key(ledger: Ledger, key: str, tenant: str) -> None:
    """Let ``key`` in as ``tenant``; one that is known already is left as it is."""
    row = {"tenant": tenant, "created_at": ledger.clock.now()}
    await ledger.transaction(
        lambda tx: tx.update(KEYS, {"_id": hash_of(key)}, {"$setOnInsert": row}, upsert=True),
    )
