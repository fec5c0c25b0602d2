"""Laws of the layout, over any tree."""

from collections.abc import Iterator
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from graftwork.exports.tree.layout import CARD_HEIGHT
from graftwork.exports.tree.layout import CARD_WIDTH
from graftwork.exports.tree.layout import IN_A_ROW
from graftwork.exports.tree.layout import ROW_HEIGHT
from graftwork.exports.tree.layout import ROWS_PER_LEVEL
from graftwork.exports.tree.layout import Layout
from graftwork.exports.tree.layout import Place
from graftwork.exports.tree.layout import lay_out
from graftwork.exports.tree.routes import Point
from graftwork.exports.tree.routes import Route
from graftwork.exports.tree.routes import route
from tests.support.trees import searched

Parents = dict[str, str | None]


@st.composite
def trees(draw: st.DrawFn) -> Parents:
    """Each node hangs on an older one, most on few of them, as in a search; some on none."""
    parents: Parents = {"n0": None}
    for number in range(1, draw(st.integers(min_value=1, max_value=40))):
        favourite = draw(st.sampled_from([0, 1, 2, number - 1, number // 2]))
        parents[f"n{number}"] = None if draw(st.integers(0, 30)) == 0 else f"n{min(favourite, number - 1)}"
    return parents


def overlap(one: Place, other: Place) -> bool:
    return abs(one.x - other.x) < CARD_WIDTH and abs(one.y - other.y) < CARD_HEIGHT


def children(parents: Parents) -> Iterator[tuple[str, list[str]]]:
    for node in parents:
        yield node, [child for child, parent in parents.items() if parent == node]


@given(parents=trees())
def test_every_node_has_a_place_of_its_own(parents: Parents) -> None:
    places = lay_out(parents).places

    assert list(places) == list(parents)
    assert not any(overlap(one, other) for one, other in combinations(places.values(), 2))


@given(parents=trees())
def test_all_cards_lie_within_the_picture_and_fill_it(parents: Parents) -> None:
    layout = lay_out(parents)
    places = layout.places.values()

    assert min(place.x for place in places) == CARD_WIDTH / 2
    assert abs(max(place.x for place in places) + CARD_WIDTH / 2 - layout.width) < 1e-6
    assert min(place.y for place in places) == 0
    assert max(place.y for place in places) + CARD_HEIGHT == layout.height


@given(parents=trees())
def test_children_stand_below_their_parent(parents: Parents) -> None:
    places = lay_out(parents).places

    for node, parent in parents.items():
        if parent is None:
            assert places[node].y == 0
        else:
            assert places[node].y >= places[parent].y + ROWS_PER_LEVEL * ROW_HEIGHT


@given(parents=trees())
def test_a_parent_stands_within_the_span_of_its_children(parents: Parents) -> None:
    places = lay_out(parents).places

    for node, below in children(parents):
        if below:
            xs = [places[child].x for child in below]
            assert min(xs) - 1e-6 <= places[node].x <= max(xs) + 1e-6


@given(parents=trees())
def test_siblings_that_have_children_stand_by_age(parents: Parents) -> None:
    places = lay_out(parents).places
    below = dict(children(parents))

    for siblings in below.values():
        childless = [child for child in siblings if not below[child]]
        ordered = siblings if len(childless) <= IN_A_ROW else [child for child in siblings if below[child]]
        xs = [places[child].x for child in ordered]
        assert xs == sorted(xs)


@given(parents=trees())
def test_an_only_child_stands_straight_below(parents: Parents) -> None:
    places = lay_out(parents).places

    for node, below in children(parents):
        if len(below) == 1:
            assert abs(places[below[0]].x - places[node].x) < 1e-6


@given(parents=trees())
def test_a_line_crosses_no_card(parents: Parents) -> None:
    places = lay_out(parents).places

    for node, parent in parents.items():
        if parent is not None:
            others = [place for name, place in places.items() if name not in {node, parent}]
            points = list(sampled(route(places[parent], places[node])))
            assert not any(inside(point, place) for point in points for place in others)


def sampled(line: Route) -> Iterator[Point]:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = line.curve
    for step in range(21):
        t = step / 20
        a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
        yield a * ax + b * bx + c * cx + d * dx, a * ay + b * by + c * cy + d * dy
    yield from line.corners


def inside(point: Point, place: Place) -> bool:
    return abs(point[0] - place.x) < CARD_WIDTH / 2 and place.y < point[1] < place.y + CARD_HEIGHT


def test_nothing_is_laid_out_of_nothing() -> None:
    assert lay_out({}) == Layout({}, 0.0, 0.0)


def test_a_node_whose_parent_is_unknown_is_a_root() -> None:
    assert lay_out({"a": "gone"}).places["a"].y == 0


def test_two_hundred_nodes_of_a_search_fit_a_wall_screen() -> None:
    view = searched(200)

    layout = lay_out({node.node_id: node.parent_id for node in view.nodes})

    assert len(layout.places) == 200
    assert layout.width < 7000
    assert layout.height < 3500
