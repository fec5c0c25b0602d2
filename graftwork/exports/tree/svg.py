"""The tree of a search as one SVG: title, legend, cards that name their facts on hover. Pure."""

from collections.abc import Sequence
from importlib.resources import files
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import SubElement
from xml.etree.ElementTree import tostring

from graftwork.contracts.jobs import NodeState
from graftwork.contracts.rest import TreeView
from graftwork.contracts.visible import visible
from graftwork.exports.tree.colours import Scale
from graftwork.exports.tree.drawing import SIGNS
from graftwork.exports.tree.drawing import draw
from graftwork.exports.tree.facts import Facts
from graftwork.exports.tree.facts import facts_of
from graftwork.exports.tree.facts import score
from graftwork.exports.tree.layout import lay_out

NAMESPACE = "http://www.w3.org/2000/svg"
MARGIN = 32.0
HEADING = 108.0
NARROWEST = 640.0
_GRADIENT = 140.0


def svg(view: TreeView) -> str:
    """Draw a tree; the document needs nothing else, and is dark where its reader likes that."""
    nodes = facts_of(view)
    layout = lay_out({node.id: node.parent for node in nodes})
    scale = scale_of(nodes)
    width = max(layout.width, NARROWEST) + 2 * MARGIN
    height = layout.height + HEADING + 2 * MARGIN
    size = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "height": f"{height:g}"}
    root = Element("svg", {"xmlns": NAMESPACE, "class": "tree", **size})
    SubElement(root, "title").text = title_of(view)
    SubElement(root, "style").text = style()
    SubElement(root, "rect", {"class": "paper", "width": "100%", "height": "100%"})
    root.append(_heading(view, nodes, scale))
    left = (width - layout.width) / 2
    scene = SubElement(root, "g", {"transform": f"translate({left:g},{HEADING + MARGIN:g})"})
    scene.extend(draw(nodes, layout, scale, tooltips=True))
    return tostring(root, encoding="unicode")


def style() -> str:
    """The style sheet of cards and lines."""
    return files(__package__).joinpath("tree.css").read_text(encoding="utf-8")


def scale_of(nodes: Sequence[Facts]) -> Scale:
    """Colours for the rewards of a tree."""
    return Scale.of(node.reward for node in nodes if node.scored and node.reward is not None)


def title_of(view: TreeView) -> str:
    """What the picture is called."""
    return f"{visible(view.job.name)}: the search of job {visible(view.job.id)}"


def summary(view: TreeView, nodes: Sequence[Facts]) -> str:
    """The search in one line."""
    rewards = [node.reward for node in nodes if node.scored and node.reward is not None]
    best = f"best reward {score(max(rewards))}" if rewards else "nothing scored yet"
    count = f"{len(nodes)} node{'s' * (len(nodes) != 1)}"
    return " · ".join([visible(view.job.id), str(view.job.state), count, f"{len(rewards)} scored", best])


def gradient(scale: Scale) -> Element:
    """The colours of the rewards, as something to fill with: ``url(#rewards)``."""
    colours = Element("linearGradient", {"id": "rewards"})
    for number, colour in enumerate(scale.stops):
        share = number / (len(scale.stops) - 1)
        SubElement(colours, "stop", {"offset": f"{share:g}", "stop-color": colour})
    return colours


def _heading(view: TreeView, nodes: Sequence[Facts], scale: Scale) -> Element:
    group = Element("g", {"transform": f"translate({MARGIN:g},{MARGIN:g})"})
    _text(group, "heading", visible(view.job.name), 0, 20)
    _text(group, "under", summary(view, nodes), 0, 44)
    group.append(gradient(scale))
    _text(group, "under", f"reward {scale.low:g}", 0, 76)
    bar = {"x": "86", "y": "65", "width": f"{_GRADIENT:g}", "height": "13", "rx": "4", "fill": "url(#rewards)"}
    SubElement(group, "rect", bar)
    _text(group, "under", "  ·  ".join([f"{scale.high:g}", *legend(nodes)]), 86 + _GRADIENT + 8, 76)
    return group


def legend(nodes: Sequence[Facts]) -> list[str]:
    """What the signs mean that the picture has."""
    marks = sorted({f"★ {node.mark}" for node in nodes if node.mark})
    states = {node.state for node in nodes}
    signs: dict[str, list[str]] = {}
    for state, sign in SIGNS.items():
        if state in states:
            signs.setdefault(sign, []).append(state)
    waiting = ["… under way"] if states - {NodeState.SCORED, *SIGNS} else []
    return [*marks, *(f"{sign} {' or '.join(named)}" for sign, named in signs.items()), *waiting]


def _text(parent: Element, kind: str, said: str, x: float, y: float) -> None:
    text = SubElement(parent, "text", {"class": kind, "x": f"{x:g}", "y": f"{y:g}"})
    text.text = said
