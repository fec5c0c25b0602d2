"""What admins do: keys of all tenants."""

from graftwork.contracts.rest_admin import KeyCreated
from graftwork.contracts.rest_admin import KeyList
from graftwork.contracts.rest_admin import KeyRequest
from graftwork.contracts.rest_admin import KeyView
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork.kit.logging import get_logger
from graftwork_gateway.documents import KEYS
from graftwork_gateway.documents import KeyRow
from graftwork_gateway.errors import LastAdminKey
from graftwork_gateway.errors import NotFound
from graftwork_gateway.keys import document_of
from graftwork_gateway.keys import new_key
from graftwork_gateway.keys import row_of
from graftwork_gateway.quotas import take_turn

log = get_logger(__name__)


def key_view(row: KeyRow) -> KeyView:
    """A key as admins see it."""
    shown = row.model_dump(include={"tenant", "name", "admin", "hint", "created_at", "revoked_at"})
    return KeyView(id=row.key_id, **shown)


async def create_key(ledger: Ledger, wanted: KeyRequest) -> KeyCreated:
    """A new key, which nobody can show again."""
    key = new_key()
    row = row_of(key, wanted.tenant, at=ledger.clock.now(), name=wanted.name, admin=wanted.admin)
    await ledger.transaction(lambda tx: tx.insert(KEYS, document_of(row)))
    log.info("key.created", key_id=row.key_id, tenant=row.tenant, admin=row.admin)
    return KeyCreated(key=key, **key_view(row).model_dump())


async def list_keys(read: Reader) -> KeyList:
    """All keys, newest first; revoked ones too."""
    rows = await read.find(KEYS, {}, sort=[("created_at", -1), ("_id", -1)])
    return KeyList(items=tuple(key_view(KeyRow.of(row)) for row in rows))


async def revoke_key(ledger: Ledger, key_id: str) -> None:
    """Let a key in no more; doing it again changes nothing. Raises ``NotFound`` and ``LastAdminKey``."""
    await ledger.transaction(lambda tx: _revoke(tx, key_id))
    log.info("key.revoked", key_id=key_id)


async def _revoke(tx: Transaction, key_id: str) -> None:
    await take_turn(tx, "admins", "keys")  # two admins must not lock each other out
    found = await tx.find_one(KEYS, {"key_id": key_id})
    if found is None:
        raise NotFound(f"no key {key_id!r}")
    row = KeyRow.of(found)
    if row.revoked_at is not None:
        return
    if row.admin and await tx.count(KEYS, {"admin": True, "revoked_at": None}) == 1:
        raise LastAdminKey("without this key nobody could manage keys: create another admin key first")
    await tx.update(KEYS, {"_id": row.id}, {"$set": {"revoked_at": tx.now}})
