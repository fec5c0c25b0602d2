"""Rewards in the order they were earned, with the best so far, as a small SVG. Pure."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import SubElement

from graftwork.exports.tree.colours import Scale
from graftwork.exports.tree.facts import Facts
from graftwork.exports.tree.svg import NAMESPACE

WIDTH, HEIGHT = 328.0, 116.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 26.0, 8.0, 10.0, 20.0
_DOT = 3.5


def chart(nodes: Sequence[Facts], scale: Scale) -> Element:
    """A dot for each scored node, and a line of the best so far."""
    root = Element("svg", {"xmlns": NAMESPACE, "class": "chart", "viewBox": f"0 0 {WIDTH:g} {HEIGHT:g}"})
    for value in (scale.low, scale.high):
        y = _y(value, scale)
        ends = {"x1": f"{_LEFT:g}", "x2": f"{WIDTH - _RIGHT:g}", "y1": f"{y:g}", "y2": f"{y:g}"}
        SubElement(root, "line", {"class": "rule", **ends})
        _text(root, f"{value:g}", _LEFT - 6, y + 4, "end")
    _text(root, "first", _LEFT, HEIGHT - 4, "start")
    _text(root, "last", WIDTH - _RIGHT, HEIGHT - 4, "end")
    scored = [(number, node.reward) for number, node in enumerate(nodes) if node.scored and node.reward is not None]
    points = [(number, _x(number, len(nodes)), reward) for number, reward in scored]
    SubElement(root, "path", {"class": "best-so-far", "d": _steps([(x, reward) for _, x, reward in points], scale)})
    for number, x, reward in points:
        dot = {"cx": f"{x:.1f}", "cy": f"{_y(reward, scale):.1f}", "r": f"{_DOT:g}", "fill": scale.colour(reward)}
        SubElement(root, "circle", {"class": "dot", "data-node": str(number), **dot})
    return root


def _steps(points: Sequence[tuple[float, float]], scale: Scale) -> str:
    path, best = "", 0.0
    for x, reward in points:
        if not path:
            path = f"M{x:.1f},{_y(reward, scale):.1f}"
        elif reward > best:
            path += f"H{x:.1f}V{_y(reward, scale):.1f}"
        best = max(best, reward)
    return f"{path}H{WIDTH - _RIGHT:g}" if path else ""


def _x(number: int, count: int) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * (number / max(count - 1, 1))


def _y(reward: float, scale: Scale) -> float:
    share = (reward - scale.low) / (scale.high - scale.low)
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share


def _text(parent: Element, said: str, x: float, y: float, anchor: str) -> None:
    text = SubElement(parent, "text", {"class": "tick", "x": f"{x:g}", "y": f"{y:g}", "text-anchor": anchor})
    text.text = said
