"""Numbers and names as people read them."""

from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.usage import Usage

_THOUSAND = 1000
_MINUTE = 60
_HOUR = 3600


def short_number(number: int) -> str:
    """``950``, ``12.3k``, ``4.5M``."""
    if number < _THOUSAND:
        return str(number)
    if number < _THOUSAND**2:
        return f"{number / _THOUSAND:.1f}k"
    return f"{number / _THOUSAND**2:.1f}M"


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def reward(value: float | None) -> str:
    """Two decimals of the 1-5 scale, or a dash where it was not measured."""
    return "-" if value is None else f"{value:.2f}"


def spent(usage: Usage) -> str:
    """``41 calls, 12.3k tokens``, and the cost where it is known and not nothing."""
    cost = f", ${usage.cost_usd:.2f}" if usage.cost_usd else ""
    return f"{usage.calls} calls, {short_number(usage.tokens)} tokens{cost}"


def node_name(node: NodeSnapshot) -> str:
    """How a node is called in the terminal: its number within the tree."""
    return f"node {node.round}"
