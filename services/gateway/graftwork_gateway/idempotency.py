"""``Idempotency-Key``: a request that is sent twice is carried out once, and gets its one answer again.

A route asks for ``IdempotencyKey`` and says what is asked and what is answered; what it does, it does in the
transaction that stores the answer::

    async def extend_job(..., request: ExtensionRequest, key: IdempotencyKey) -> JobView:
        return await key.once(request, JobView).answer(lambda tx: extend(tx, ...))

Answers are stored as they are given: one that tells a secret which is kept nowhere else must not pass here.
"""

from collections.abc import Awaitable
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from typing import Any
from typing import Generic
from typing import Self
from typing import TypeVar

from fastapi import Depends
from fastapi import Header
from fastapi import Request
from pydantic import BaseModel

from graftwork.contracts.base import Contract
from graftwork.contracts.ids import digest
from graftwork.contracts.rest import IDEMPOTENCY_HEADER
from graftwork.kit.ledger import Document
from graftwork.kit.ledger import Ledger
from graftwork.kit.ledger import Reader
from graftwork.kit.ledger import Transaction
from graftwork_gateway.documents import IDEMPOTENCY
from graftwork_gateway.door import Ports
from graftwork_gateway.door import Tenant
from graftwork_gateway.errors import IdempotencyConflict

A = TypeVar("A", bound=Contract)
Work = Callable[[Transaction], Awaitable[A]]
_Header = Annotated[
    str | None,
    Header(
        alias=IDEMPOTENCY_HEADER,
        min_length=1,
        max_length=255,
        description="any string of your own: the same request with the same key is carried out once, answered twice",
    ),
]


class Ask(Contract):
    """A request with a key. ``id`` tells it from every other tenant's and key's, ``body`` what it asks for."""

    id: str
    tenant: str
    body: str

    @classmethod
    def of(cls, tenant: str, key: str, operation: str, body: BaseModel | None) -> Self:
        """Two bodies are the same when the same fields were written, whatever their order and spacing."""
        written: Any = None if body is None else body.model_dump(mode="json", exclude_unset=True)
        return cls(id=digest([tenant, key]), tenant=tenant, body=digest([operation, written]))

    def answered(self, answer: Contract, at: datetime) -> Document:
        """What is stored of the answer."""
        told = answer.model_dump(mode="json")
        return {"_id": self.id, "tenant": self.tenant, "body": self.body, "answer": told, "at": at}


def stored_answer(stored: Document | None, ask: Ask, kind: type[A]) -> A | None:
    """The answer to give again, None for a key that is new. Raises ``IdempotencyConflict``."""
    if stored is None:
        return None
    if stored["body"] != ask.body:
        raise IdempotencyConflict("this Idempotency-Key came with another request before: a new one needs a new key")
    return kind.model_validate(stored["answer"])


@dataclass(frozen=True)
class Once(Generic[A]):
    """A request to be carried out once, however often it is sent; each time, where it came without a key."""

    ledger: Ledger
    ask: Ask | None
    kind: type[A]

    async def stored(self) -> A | None:
        """The answer given before, so that what is slow need not be done again. Raises ``IdempotencyConflict``."""
        return await self._stored(self.ledger.read)

    async def answer(self, work: Work[A]) -> A:
        """What ``work`` answers, stored with all it writes; or the answer given before, and nothing is done.

        Raises ``IdempotencyConflict``, and what ``work`` raises: errors are not stored.
        """
        return await self.ledger.transaction(lambda tx: self._answer(tx, work))

    async def amend(self, answer: A) -> A:
        """Replace the stored answer by ``answer``, which took longer than the transaction."""
        if self.ask is not None:
            mine, news = {"_id": self.ask.id}, {"$set": {"answer": answer.model_dump(mode="json")}}
            await self.ledger.transaction(lambda tx: tx.update(IDEMPOTENCY, mine, news))
        return answer

    async def _answer(self, tx: Transaction, work: Work[A]) -> A:
        before = await self._stored(tx)
        if before is not None:
            return before
        answer = await work(tx)
        if self.ask is not None:
            await tx.insert(IDEMPOTENCY, self.ask.answered(answer, tx.now))
        return answer

    async def _stored(self, read: Reader) -> A | None:
        if self.ask is None:
            return None
        return stored_answer(await read.find_one(IDEMPOTENCY, {"_id": self.ask.id}), self.ask, self.kind)


@dataclass(frozen=True)
class Keyed:
    """Who asks, for what, and with which key. ``operation`` is method and path."""

    ledger: Ledger
    tenant: str
    operation: str
    key: str | None

    def once(self, body: BaseModel | None, kind: type[A]) -> Once[A]:
        """The request with this body, answered with a ``kind``."""
        ask = None if self.key is None else Ask.of(self.tenant, self.key, self.operation, body)
        return Once(self.ledger, ask, kind)


def _keyed(request: Request, door: Ports, tenant: Tenant, key: _Header = None) -> Keyed:
    return Keyed(door.ledger, tenant, f"{request.method} {request.url.path}", key)


IdempotencyKey = Annotated[Keyed, Depends(_keyed)]
"""The caller's ``Idempotency-Key``, if there is one."""
