"""An estimate as people read it. Pure."""

from collections.abc import Iterator

from graftwork.cli.words import money
from graftwork.cli.words import short_number
from graftwork.contracts.rest_plans import Estimated
from graftwork.contracts.rest_plans import ValidationView


def estimate_rows(view: ValidationView) -> Iterator[tuple[str, str]]:
    """Give name and value of every line: what is expected, the most it can be, and the parts."""
    estimate = view.estimate
    yield "expected", said(estimate.expected)
    yield "at most", "no limit: give a budget" if estimate.at_most is None else said(estimate.at_most)
    for purpose, part in estimate.by_purpose.items():
        yield f"  {purpose}", said(part)
    for role, part in estimate.by_role.items():
        yield f"  as {role}", said(part)


def said(estimated: Estimated) -> str:
    """``410 calls, 1.2M tokens, $3.10``; a price that nobody knows is said to be unknown."""
    return f"{estimated.calls} calls, {short_number(estimated.tokens)} tokens, {money(estimated.cost_usd)}"
