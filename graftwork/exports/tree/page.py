"""The tree of a search as one page: pan, zoom, and every node's facts. It loads nothing and sends nothing. Pure.

What models wrote reaches the page in two ways: as text of elements, escaped by the library that writes them, and as
JSON that its script shows as text. Should either fail, the page's policy still runs no script but its own.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from string import Template
from xml.etree.ElementTree import Element
from xml.etree.ElementTree import SubElement
from xml.etree.ElementTree import tostring

from graftwork.contracts.rest import TreeView
from graftwork.contracts.visible import visible
from graftwork.exports.tree.chart import chart
from graftwork.exports.tree.colours import Scale
from graftwork.exports.tree.drawing import draw
from graftwork.exports.tree.facts import Facts
from graftwork.exports.tree.facts import facts_of
from graftwork.exports.tree.layout import lay_out
from graftwork.exports.tree.svg import MARGIN
from graftwork.exports.tree.svg import gradient
from graftwork.exports.tree.svg import legend
from graftwork.exports.tree.svg import scale_of
from graftwork.exports.tree.svg import style
from graftwork.exports.tree.svg import summary
from graftwork.exports.tree.svg import title_of


def page(view: TreeView) -> str:
    """Draw a tree as a document of HTML."""
    nodes = facts_of(view)
    scale = scale_of(nodes)
    sheet, script = style() + _resource("page.css"), _resource("page.js")
    return Template(_resource("page.html")).substitute(
        policy=escape(_policy(sheet, script)),
        title=escape(title_of(view)),
        name=escape(visible(view.job.name)),
        summary=escape(summary(view, nodes)),
        task=escape(visible(view.job.task)),
        style=sheet,
        script=script,
        tree=_markup(_tree(nodes, scale)),
        chart=_markup(chart(nodes, scale)),
        legend="".join(_legend(nodes, scale)),
        nodes=as_data([node.plain() for node in nodes]),
    )


def as_data(value: object) -> str:
    """JSON for the inside of a script element, which nothing in it can end."""
    told = json.dumps(value, separators=(",", ":"))
    return told.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(sheet: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(sheet)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _tree(nodes: Sequence[Facts], scale: Scale) -> Element:
    layout = lay_out({node.id: node.parent for node in nodes})
    box = f"0 0 {layout.width + 2 * MARGIN:g} {layout.height + 2 * MARGIN:g}"
    root = Element("svg", {"class": "tree", "viewBox": box})
    scene = SubElement(root, "g", {"transform": f"translate({MARGIN:g},{MARGIN:g})"})
    scene.extend(draw(nodes, layout, scale, tooltips=False))
    return root


def _legend(nodes: Sequence[Facts], scale: Scale) -> list[str]:
    ramp = Element("svg", {"width": "110", "height": "10"})
    ramp.append(gradient(scale))
    SubElement(ramp, "rect", {"width": "110", "height": "10", "rx": "4", "fill": "url(#rewards)"})
    colours = f'<span class="ramp">reward {scale.low:g} {_markup(ramp)} {scale.high:g}</span>'
    return [colours, *(f"<span>{escape(sign)}</span>" for sign in legend(nodes))]


def _markup(element: Element) -> str:
    return tostring(element, encoding="unicode", short_empty_elements=False)


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
