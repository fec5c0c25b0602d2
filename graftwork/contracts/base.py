"""Base classes of every contract.

Two attitudes to unknown keys: what travels between services is read leniently, so that an old
service understands a newer one; what a person writes is read strictly, so that a typing mistake is
an error and not a silently ignored wish.
"""

from pydantic import BaseModel
from pydantic import ConfigDict


class Contract(BaseModel):
    """Immutable data between services; unknown keys are ignored when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class Written(BaseModel):
    """Immutable data written by a person; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)
