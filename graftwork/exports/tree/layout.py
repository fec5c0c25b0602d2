"""Where the nodes of a tree stand: children below their parent, siblings from the oldest to the youngest. Pure.

A tidy tree in the manner of Reingold and Tilford (IEEE TSE 1981): subtrees are moved together until their outlines
touch. A search is bushy, most of its nodes have no children, and a row of a hundred leaves cannot be read; so the
childless children of a node, where they are many, stand in columns below it, each column on a trunk of its own.

Heights are counted in rows; a child is ``ROWS_PER_LEVEL`` rows below its parent, and a column has a card a row.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from math import sqrt

CARD_WIDTH = 190.0
CARD_HEIGHT = 44.0
GAP = 30.0
ROW_HEIGHT = 56.0
ROWS_PER_LEVEL = 2
IN_A_ROW = 4
"""Childless children that stand side by side; more stand in columns."""
WIDER_THAN_HIGH = 0.35
"""Columns of a block of n: the root of n times this."""


@dataclass(frozen=True)
class Place:
    """Where a card stands: the middle of its upper edge. ``trunk``: where the trunk that it hangs on goes down."""

    x: float
    y: float
    trunk: float | None = None


@dataclass(frozen=True)
class Layout:
    """Places by node; all cards lie within ``width`` and ``height``."""

    places: Mapping[str, Place]
    width: float
    height: float


def lay_out(parents: Mapping[str, str | None]) -> Layout:
    """Place the nodes: node -> parent, older nodes first. One whose parent is not among the older ones is a root."""
    children: dict[str | None, list[str]] = {None: []}
    for node, parent in parents.items():
        children.setdefault(parent if parent in children else None, []).append(node)
        children.setdefault(node, [])
    forest = _packed([_subtree(root, children) for root in children[None]])
    spots = [spot for part in forest for spot in part.spots]
    left = min((spot.x for spot in spots), default=0.0) - CARD_WIDTH / 2
    right = max((spot.x for spot in spots), default=0.0) + CARD_WIDTH / 2
    rows = max((spot.row for spot in spots), default=0)
    places = {spot.node: spot.placed(-left) for spot in spots}
    order = {node: places[node] for node in parents}
    return Layout(order, right - left if spots else 0.0, rows * ROW_HEIGHT + CARD_HEIGHT if spots else 0.0)


@dataclass(frozen=True)
class _Spot:
    node: str
    x: float
    row: int
    trunk: float | None = None

    def moved(self, right: float, down: int) -> "_Spot":
        trunk = None if self.trunk is None else self.trunk + right
        return _Spot(self.node, self.x + right, self.row + down, trunk)

    def placed(self, right: float) -> Place:
        trunk = None if self.trunk is None else self.trunk + right
        return Place(self.x + right, self.row * ROW_HEIGHT, trunk)


@dataclass(frozen=True)
class _Part:
    """Some cards with their outline: the left and right end of every row. ``x``: where a parent points to."""

    x: float
    spots: tuple[_Spot, ...]
    outline: tuple[tuple[float, float], ...]

    def moved(self, right: float, down: int = 0) -> "_Part":
        spots = tuple(spot.moved(right, down) for spot in self.spots)
        return _Part(self.x + right, spots, tuple((a + right, b + right) for a, b in self.outline))


def _subtree(node: str, children: Mapping[str | None, Sequence[str]]) -> _Part:
    """The node with everything below it, the node at 0."""
    below = _packed(_below(node, children))
    card = (-CARD_WIDTH / 2, CARD_WIDTH / 2)
    if not below:
        return _Part(0.0, (_Spot(node, 0.0, 0),), (card,))
    middle = (below[0].x + below[-1].x) / 2
    centred = [part.moved(-middle, ROWS_PER_LEVEL) for part in below]
    outline = tuple(_outline(centred))
    spots = (_Spot(node, 0.0, 0), *(spot for part in centred for spot in part.spots))
    return _Part(0.0, spots, (card, *[_wider(card, outline[0])] * (ROWS_PER_LEVEL - 1), *outline))


def _wider(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The rows between a node and its children hold its edges: nobody else may stand there."""
    return min(one[0], other[0]), max(one[1], other[1])


def _below(node: str, children: Mapping[str | None, Sequence[str]]) -> list[_Part]:
    """The children with everything below them, side by side; many childless ones as one block in their middle."""
    childless = [child for child in children[node] if not children[child]]
    if len(childless) <= IN_A_ROW:
        return [_subtree(child, children) for child in children[node]]
    parts = [_subtree(child, children) for child in children[node] if children[child]]
    turn = sum(node.encode()) % 2  # an odd one stands now left and now right, so that deep trees do not lean
    at = (len(parts) + turn) // 2
    return [*parts[:at], _columns(childless), *parts[at:]]


def _columns(nodes: Sequence[str]) -> _Part:
    """Stand nodes in columns, filled one after the other, each with a trunk at its left."""
    most = ceil(sqrt(len(nodes) * WIDER_THAN_HIGH))
    rows = ceil(len(nodes) / most)
    pitch = CARD_WIDTH + GAP
    spots = []
    for index, node in enumerate(nodes):
        x = index // rows * pitch
        spots.append(_Spot(node, x, index % rows, x - (CARD_WIDTH + GAP) / 2))
    last = spots[-1].x
    left = -(CARD_WIDTH + GAP) / 2
    return _Part(last / 2, tuple(spots), ((left, last + CARD_WIDTH / 2),) * rows)


def _packed(parts: Iterable[_Part]) -> list[_Part]:
    """Move each part to the right until it is clear of those before it."""
    packed: list[_Part] = []
    for part in parts:
        taken = dict(enumerate(_outline(packed)))
        shifts = [taken[row][1] + GAP - left for row, (left, _) in enumerate(part.outline) if row in taken]
        packed.append(part.moved(max(shifts, default=0.0)))
    return packed


def _outline(parts: Sequence[_Part]) -> Iterator[tuple[float, float]]:
    """The ends of every row that any of the parts reaches, in order; the parts lie side by side."""
    rows = max((len(part.outline) for part in parts), default=0)
    for row in range(rows):
        ends = [part.outline[row] for part in parts if row < len(part.outline)]
        yield min(left for left, _ in ends), max(right for _, right in ends)
