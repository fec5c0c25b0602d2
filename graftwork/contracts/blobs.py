"""References to payloads too large for an event (claim check)."""

from pydantic import Field

from graftwork.contracts.base import Contract


class BlobRef(Contract):
    """Where a payload lies and how to know it is the right one.

    ``key`` is relative to the blob store's root and ends in the sha256 of the content, so writing
    the same content twice is harmless.
    """

    key: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=0)
    rows: int | None = Field(default=None, ge=0, description="number of JSON lines, where it has lines")
