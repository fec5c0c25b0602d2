"""The account of a job: spent + granted never exceeds the budget. Pure.

Whoever asks next is granted a share of all that is left on its side; what it does not use comes back
with its answer. So no price has to be guessed, and nothing is ever overdrawn. The grant of a worker that stays
silent stays out: it may have been spent.
"""

import math
from enum import StrEnum

from pydantic import BaseModel
from pydantic import Field

from graftwork.contracts.jobs import Budget
from graftwork.contracts.usage import Grant
from graftwork.contracts.usage import Usage

SEARCH_SHARE = 0.5


class Side(StrEnum):
    """Who spends: the search may use half of each limit, production whatever is left."""

    SEARCH = "search"
    PRODUCTION = "production"


class Granted(BaseModel):
    """What is out with workers, over all open grants of a side."""

    calls: int = 0
    tokens: int = 0
    cost_usd: float = 0.0


class Account(BaseModel):
    """Spent and granted, by side."""

    spent: dict[Side, Usage] = Field(default_factory=dict)
    granted: dict[Side, Granted] = Field(default_factory=dict)

    def grant(self, budget: Budget, side: Side, *, parts: int = 1) -> Grant | None:
        """Hand out one of ``parts`` equal shares of what is left; None when a limit has nothing left."""
        calls = _share(self._left(budget.calls, "calls", side), parts)
        tokens = _share(self._left(budget.tokens, "tokens", side), parts)
        money = self._left(budget.cost_usd, "cost_usd", side)
        shares = Grant(
            calls=None if calls is None else int(calls),
            tokens=None if tokens is None else int(tokens),
            cost_usd=None if money is None else max(0.0, money / parts),
        )
        if 0 in (shares.calls, shares.tokens) or shares.cost_usd == 0.0:
            return None
        self._out(side, shares, sign=1)
        return shares

    def settle(self, side: Side, grant: Grant, used: Usage) -> None:
        """Take a grant back and book what was used of it."""
        self._out(side, grant, sign=-1)
        self.spent[side] = self.spent.get(side, Usage()) + used

    @property
    def total(self) -> Usage:
        """Spent on both sides."""
        return Usage.total(self.spent.values())

    def _left(self, limit: float | None, resource: str, side: Side) -> float | None:
        if limit is None:
            return None
        left_in_all = limit - self._taken(resource, *Side)
        if side is Side.PRODUCTION:
            return left_in_all
        return min(left_in_all, limit * SEARCH_SHARE - self._taken(resource, Side.SEARCH))

    def _taken(self, resource: str, *sides: Side) -> float:
        spent = sum(_amount(self.spent.get(side, Usage()), resource) for side in sides)
        return spent + sum(float(getattr(self.granted.get(side, Granted()), resource)) for side in sides)

    def _out(self, side: Side, grant: Grant, *, sign: int) -> None:
        out = self.granted.get(side, Granted())
        self.granted[side] = Granted(
            calls=out.calls + sign * (grant.calls or 0),
            tokens=out.tokens + sign * (grant.tokens or 0),
            cost_usd=max(0.0, out.cost_usd + sign * (grant.cost_usd or 0.0)),
        )


def _amount(spent: Usage, resource: str) -> float:
    """What was spent of a resource; of money whose amount is unknown, it may have been all."""
    amount = getattr(spent, resource)
    return math.inf if amount is None else float(amount)


def _share(left: float | None, parts: int) -> float | None:
    return None if left is None else max(0.0, left // parts)
