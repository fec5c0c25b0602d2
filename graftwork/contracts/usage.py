"""What model calls cost, and what a worker may spend."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import Field

from graftwork.contracts.base import Contract


class SpendPurpose(StrEnum):
    """What money is spent on. ``search`` writes workflows and runs them; ``scoring`` is all judging."""

    SEARCH = "search"
    METRICS = "metrics"
    SCORING = "scoring"
    PRODUCTION = "production"


class Usage(Contract):
    """What was spent. ``cost_usd`` is None when the price of any call in it is unknown: never a guess."""

    calls: int = Field(default=0, ge=0)
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    cost_usd: float | None = Field(default=0.0, ge=0)

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        unknown = self.cost_usd is None or other.cost_usd is None
        return Usage(
            calls=self.calls + other.calls,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cost_usd=None if unknown else (self.cost_usd or 0.0) + (other.cost_usd or 0.0),
        )

    @classmethod
    def total(cls, parts: Iterable[Usage]) -> Self:
        """Sum of the parts; the empty sum is free."""
        whole: Usage = cls()
        for part in parts:
            whole = whole + part
        return cls.model_validate(whole.model_dump())


class Grant(Contract):
    """An allowance handed out with a request. None means that this resource is not limited."""

    calls: int | None = Field(default=None, ge=0)
    tokens: int | None = Field(default=None, ge=0)
    cost_usd: float | None = Field(default=None, ge=0)

    def covers(self, spent: Usage) -> bool:
        """Whether ``spent`` lies within this grant; an unknown cost never fits a money limit."""
        if self.calls is not None and spent.calls > self.calls:
            return False
        if self.tokens is not None and spent.tokens > self.tokens:
            return False
        return self.cost_usd is None or (spent.cost_usd is not None and spent.cost_usd <= self.cost_usd)
