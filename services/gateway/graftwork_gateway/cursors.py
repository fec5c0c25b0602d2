"""Cursors of lists that are newest first: where a page ended, opaque to clients."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from typing import Self

from pydantic import ValidationError

from graftwork.contracts.base import Contract
from graftwork.contracts.rest import ProblemError
from graftwork_gateway.errors import JobInvalid


class Cursor(Contract):
    """The last row of a page: its time and, for rows of the same time, its id."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ``JobInvalid`` for what is none of ours."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            return cls.model_validate_json(base64.urlsafe_b64decode(padded))
        except (ValueError, ValidationError) as error:
            mistake = ProblemError(path="query.cursor", message="not a cursor of this list: start without one")
            raise JobInvalid("the cursor cannot be read", [mistake]) from error

    def older_by(self, field: str) -> Mapping[str, Any]:
        """Query for the rows behind this one, newest first by ``field`` and then by id."""
        return {"$or": [{field: {"$lt": self.at}}, {field: self.at, "_id": {"$lt": self.id}}]}
