"""Numbers and names as people read them."""

from graftwork.contracts.snapshots import NodeSnapshot
from graftwork.contracts.usage import Usage
from graftwork.contracts.visible import HIDDEN

_THOUSAND = 1000
_KIBI = 1024
_MINUTE = 60
_HOUR = 3600
_CENT = 0.01


def short_number(number: int) -> str:
    """``950``, ``12.3k``, ``4.5M``."""
    if number < _THOUSAND:
        return str(number)
    if number < _THOUSAND**2:
        return f"{number / _THOUSAND:.1f}k"
    return f"{number / _THOUSAND**2:.1f}M"


def bytes_short(number: int) -> str:
    """``950 B``, ``12.3 KiB``, ``4.5 GiB``."""
    size, units = float(number), ["B", "KiB", "MiB", "GiB", "TiB"]
    while size >= _KIBI and len(units) > 1:
        size /= _KIBI
        units.pop(0)
    return f"{size:.0f} B" if units[0] == "B" else f"{size:.1f} {units[0]}"


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
    cost = f", {money(usage.cost_usd)}" if usage.cost_usd else ""
    return f"{usage.calls} calls, {short_number(usage.tokens)} tokens{cost}"


def node_name(node: NodeSnapshot) -> str:
    """How a node is called in the terminal: its number within the tree."""
    return f"node {node.round}"


def review_commands(job_id: str) -> tuple[str, str, str]:
    """Return the commands that show a job's review, approve it, and ask for changes."""
    reviews = "graftwork reviews"
    return f"{reviews} show {job_id}", f"{reviews} approve {job_id}", f"{reviews} revise {job_id} --feedback '...'"


def printable(text: str) -> str:
    """Text of a model without what a terminal would obey, or could not show; line ends and tabs are kept."""
    return HIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)


def on_one_line(text: str) -> str:
    """The same for a place that has one line only."""
    return " ".join(printable(text).split())


def money(usd: float | None) -> str:
    """``$3.10``; less than a cent as such; what nobody knows is never a number."""
    if usd is None:
        return "cost unknown"
    return "under $0.01" if 0 < usd < _CENT else f"${usd:.2f}"
