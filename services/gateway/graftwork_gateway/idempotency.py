"""``Idempotency-Key``: the same request sent twice makes one job and gets one answer. Pure."""

from datetime import datetime
from typing import Self

from graftwork.contracts.base import Contract
from graftwork.contracts.ids import digest
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import JobView
from graftwork.kit.ledger import Document
from graftwork_gateway.errors import IdempotencyConflict


class Ask(Contract):
    """A request with a key. ``id`` tells it from every other tenant's and key's, ``body`` what it asks for."""

    id: str
    tenant: str
    body: str

    @classmethod
    def of(cls, tenant: str, key: str, spec: JobSpec) -> Self:
        """Two bodies are the same when the same fields were written, whatever their order and spacing."""
        written = spec.model_dump(mode="json", exclude_unset=True)
        return cls(id=digest([tenant, key]), tenant=tenant, body=digest(written))

    def answered(self, view: JobView, at: datetime) -> Document:
        """What is stored with the job."""
        return {
            "_id": self.id,
            "tenant": self.tenant,
            "body": self.body,
            "answer": view.model_dump(mode="json"),
            "at": at,
        }


def stored_answer(stored: Document | None, ask: Ask) -> JobView | None:
    """The answer to give again, None for a key that is new. Raises ``IdempotencyConflict``."""
    if stored is None:
        return None
    if stored["body"] != ask.body:
        raise IdempotencyConflict("this Idempotency-Key came with another job before: use a new key for a new job")
    return JobView.model_validate(stored["answer"])
