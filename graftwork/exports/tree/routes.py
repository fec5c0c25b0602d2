"""The line from a card to a child's card: one curve, or a curve to the child's trunk and down it. Pure."""

from dataclasses import dataclass

from graftwork.exports.tree.layout import CARD_HEIGHT
from graftwork.exports.tree.layout import CARD_WIDTH
from graftwork.exports.tree.layout import ROW_HEIGHT
from graftwork.exports.tree.layout import ROWS_PER_LEVEL
from graftwork.exports.tree.layout import Place

Point = tuple[float, float]
TURN = 8.0
"""How wide a line turns from its trunk to a card."""


@dataclass(frozen=True)
class Route:
    """A cubic curve (its four points), then straight lines from its end through the ``corners``."""

    curve: tuple[Point, Point, Point, Point]
    corners: tuple[Point, ...] = ()

    @property
    def path(self) -> str:
        """As the ``d`` of an SVG path; corners are rounded."""
        start, one, two, end = self.curve
        curve = f"M{_at(start)}C{_at(one)} {_at(two)} {_at(end)}"
        if not self.corners:
            return curve
        (x, y), goal = self.corners
        return f"{curve}V{_number(y - TURN)}Q{_at((x, y))} {_at((x + TURN, y))}H{_number(goal[0])}"


def route(parent: Place, child: Place) -> Route:
    """Return the line between two cards. It crosses no other card of their layout."""
    start = (parent.x, parent.y + CARD_HEIGHT)
    if child.trunk is None:
        return Route(_curve(start, (child.x, child.y)))
    top = parent.y + ROWS_PER_LEVEL * ROW_HEIGHT
    middle = child.y + CARD_HEIGHT / 2
    return Route(_curve(start, (child.trunk, top)), ((child.trunk, middle), (child.x - CARD_WIDTH / 2, middle)))


def _curve(start: Point, end: Point) -> tuple[Point, Point, Point, Point]:
    half = (start[1] + end[1]) / 2
    return start, (start[0], half), (end[0], half), end


def _at(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
