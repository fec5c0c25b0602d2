"""API keys, kept as hashes.

A key is 256 random bits, so there is nothing to guess and a plain sha256 is enough; slow hashes
protect what people choose, and would cost every request tens of milliseconds. Looking a hash up by
equality leaks nothing useful through timing, since its caller cannot choose its bits.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork_gateway.documents import KEYS
from graftwork_gateway.documents import KeyRow
from graftwork_gateway.errors import KeyRefused

DEFAULT_TENANT = "default"
_PREFIX = "gw_"
_BEARER = "bearer "
_HINT_CHARS = 7
_WHAT_COUNTS = {"tenant": 1, "admin": 1, "revoked_at": 1}


@dataclass(frozen=True)
class Caller:
    """Whose request it is."""

    tenant: str
    admin: bool


def new_key() -> str:
    """A fresh key; shown once, since only its hash is kept."""
    return _PREFIX + secrets.token_urlsafe(32)


def hash_of(key: str) -> str:
    """What is kept of a key, and its ``_id``."""
    return hashlib.sha256(key.encode()).hexdigest()


def row_of(key: str, tenant: str, *, at: datetime, name: str = "", admin: bool = False) -> KeyRow:
    """The row of a key that is new."""
    key_id = f"key-{secrets.token_hex(8)}"
    hint = key[:_HINT_CHARS]
    return KeyRow(id=hash_of(key), key_id=key_id, tenant=tenant, name=name, admin=admin, hint=hint, created_at=at)


def document_of(row: KeyRow) -> Document:
    """What is stored of a key."""
    return {"_id": row.id, **row.model_dump(exclude={"id"})}


def presented_key(headers: Mapping[str, str]) -> str | None:
    """Key of a request: ``Authorization: Bearer`` or ``X-API-Key``; header names in lower case."""
    authorization = headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip() or None
    return headers.get("x-api-key", "").strip() or None


async def caller_of(read: Reader, headers: Mapping[str, str]) -> Caller:
    """Whom the request's key belongs to. Raises ``KeyRefused``."""
    key = presented_key(headers)
    if key is None:
        raise KeyRefused("send an API key as 'Authorization: Bearer gw_...'")
    row = await read.find_one(KEYS, {"_id": hash_of(key)}, _WHAT_COUNTS)
    if row is None:
        raise KeyRefused("this API key is not known here")
    if row.get("revoked_at") is not None:
        raise KeyRefused("this API key was revoked")
    return Caller(tenant=str(row["tenant"]), admin=bool(row.get("admin")))


async def remember_key(ledger: Ledger, key: str, tenant: str, *, name: str = "", admin: bool = False) -> None:
    """Let ``key`` in as ``tenant``; one that is known already keeps all but ``admin``, and stays revoked if it was."""
    row = row_of(key, tenant, at=ledger.clock.now(), name=name, admin=admin)
    await ledger.transaction(lambda tx: _remember(tx, document_of(row)))


async def _remember(tx: Transaction, row: Document) -> None:
    known = await tx.find_one(KEYS, {"_id": row["_id"]}) or {}
    news = {**row, **known, "admin": row["admin"]}
    if news != known:
        await tx.update(KEYS, {"_id": news.pop("_id")}, {"$set": news}, upsert=True)
