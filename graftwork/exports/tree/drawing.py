"""The cards and lines of a tree as SVG elements. Pure; text is escaped by the library that writes the XML."""

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import SubElement

from graftwork.contracts.jobs import NodeState
from graftwork.exports.tree.colours import Scale
from graftwork.exports.tree.colours import ink
from graftwork.exports.tree.facts import Facts
from graftwork.exports.tree.facts import score
from graftwork.exports.tree.layout import CARD_HEIGHT
from graftwork.exports.tree.layout import CARD_WIDTH
from graftwork.exports.tree.layout import Layout
from graftwork.exports.tree.layout import Place
from graftwork.exports.tree.routes import route
from graftwork.exports.tree.text import fitted

CHIP_WIDTH = 46.0
ROUND = 10.0
_MARGIN = 10.0
_LINE_SIZE = 11.0
_TEXT_WIDTH = CARD_WIDTH - CHIP_WIDTH - 2 * _MARGIN
_CHIP = (
    f"M{ROUND:g},0H{CHIP_WIDTH:g}V{CARD_HEIGHT:g}H{ROUND:g}A{ROUND:g},{ROUND:g} 0 0 1 0,{CARD_HEIGHT - ROUND:g}"
    f"V{ROUND:g}A{ROUND:g},{ROUND:g} 0 0 1 {ROUND:g},0Z"
)
_KINDS: Mapping[str, str] = {
    NodeState.SCORED: "scored",
    NodeState.DUPLICATE: "duplicate",
    NodeState.CRASHED: "failed",
    NodeState.INVALID: "failed",
    NodeState.FAILED: "failed",
}
SIGNS: Mapping[str, str] = {
    NodeState.DUPLICATE: "=",
    NodeState.CRASHED: "✕",
    NodeState.INVALID: "!",
    NodeState.FAILED: "!",
}
_WAITING = "…"
_STAR = "★"


def draw(nodes: Sequence[Facts], layout: Layout, scale: Scale, *, tooltips: bool) -> Iterator[Element]:
    """Give the group of the lines and the group of the cards. ``tooltips``: a card has its facts as a title."""
    numbers = {node.id: str(number) for number, node in enumerate(nodes)}
    spine = _spine(nodes)
    edges = Element("g", {"class": "edges"})
    for node in sorted(nodes, key=lambda node: node.id in spine):  # the spine is drawn over the others
        if node.parent is not None and node.parent in layout.places:
            path = route(layout.places[node.parent], layout.places[node.id]).path
            kind = "edge spine" if node.id in spine else "edge"
            SubElement(edges, "path", {"class": kind, "d": path, "data-to": numbers[node.id]})
    yield edges
    cards = Element("g", {"class": "nodes"})
    for node in nodes:
        card = _card(node, layout.places[node.id], scale)
        card.set("data-node", numbers[node.id])
        if tooltips:
            title = Element("title")
            title.text = node.tooltip
            card.insert(0, title)
        cards.append(card)
    yield cards


def _spine(nodes: Sequence[Facts]) -> frozenset[str]:
    """The winner, or the best so far, and its ancestors."""
    parents = {node.id: node.parent for node in nodes}
    at = next((node.id for node in nodes if node.mark), None)
    spine = []
    while at is not None and at in parents and at not in spine:
        spine.append(at)
        at = parents[at]
    return frozenset(spine)


def _card(node: Facts, place: Place, scale: Scale) -> Element:
    kind = _KINDS.get(node.state, "waiting")
    card = Element("g", {
        "class": f"node {kind}{' best' if node.mark else ''}",
        "transform": f"translate({place.x - CARD_WIDTH / 2:g},{place.y:g})",
    })  # fmt: skip
    SubElement(card, "rect", {"class": "card", "width": f"{CARD_WIDTH:g}", "height": f"{CARD_HEIGHT:g}", "rx": "10"})
    _chip(card, node, scale)
    left = CHIP_WIDTH + _MARGIN
    _text(card, "name", node.name, left, 18)
    _text(card, "line", fitted(node.line or node.state, _TEXT_WIDTH, _LINE_SIZE), left, 34)
    if node.final is not None:
        _text(card, "final", f"final {score(node.final)}", CARD_WIDTH - _MARGIN, 18)
    if node.mark:
        SubElement(card, "circle", {"class": "star", "cx": f"{CARD_WIDTH - 2:g}", "cy": "0", "r": "10"})
        _text(card, "star-sign", _STAR, CARD_WIDTH - 2, 4.5)
    return card


def _chip(card: Element, node: Facts, scale: Scale) -> None:
    """What is seen first: the reward in its colour, else a sign for the state."""
    middle = CHIP_WIDTH / 2
    if node.scored and node.reward is not None:
        colour = scale.colour(node.reward)
        SubElement(card, "path", {"d": _CHIP, "fill": colour})
        _text(card, "reward", score(node.reward), middle, 27).set("fill", ink(colour))
    else:
        SubElement(card, "path", {"class": "blank", "d": _CHIP})
        _text(card, "sign", SIGNS.get(node.state, _WAITING), middle, 27)


def _text(parent: Element, kind: str, said: str, x: float, y: float) -> Element:
    text = SubElement(parent, "text", {"class": kind, "x": f"{x:g}", "y": f"{y:g}"})
    text.text = said
    return text
