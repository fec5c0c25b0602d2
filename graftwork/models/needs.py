"""Which variables a workflow's prompt reads, told from its text: on every path, or on some.

Follows ``rendering``, which is lazy: what stands behind a condition is read only when the condition says so.
"""

from collections.abc import Iterable

from jinja2 import nodes

_LOOP = "loop"
_ASKS_WHETHER_DEFINED = frozenset({"defined", "undefined"})
_Scope = frozenset[str]


class Needs:
    """What the parts of one template read."""

    def __init__(self, parts: Iterable[nodes.Node]) -> None:
        self._always: set[str] = set()
        self._sometimes: set[str] = set()
        self._provided_for: set[str] = set()
        self._read_all(parts, frozenset(), surely=True)

    @property
    def always(self) -> frozenset[str]:
        """Variables without which no rendering succeeds."""
        return frozenset(self._always)

    @property
    def sometimes(self) -> frozenset[str]:
        """Variables that some rendering may miss, but for those whose absence the template itself asks about."""
        return frozenset(self._sometimes - self._always - self._provided_for)

    def _read_all(self, parts: Iterable[nodes.Node | None], bound: _Scope, *, surely: bool) -> None:
        for part in parts:
            if part is not None:
                self._read(part, bound, surely=surely)

    def _read(self, node: nodes.Node, bound: _Scope, *, surely: bool) -> None:
        match node:
            case nodes.Name():
                if node.name not in bound:
                    (self._always if surely else self._sometimes).add(node.name)
            case nodes.For():
                self._read(node.iter, bound, surely=surely)
                self._read_all(node.body, bound | _targets(node) | {_LOOP}, surely=False)
                self._read_all(node.else_, bound, surely=False)
            case nodes.Test() | nodes.Filter(name="default" | "d"):
                self._read_if_there(node, bound, surely=surely)
            case _:
                first, later = _by_turn(node)
                self._read_all(first, bound, surely=surely)
                self._read_all(later, bound, surely=False)

    def _read_if_there(self, node: nodes.Test | nodes.Filter, bound: _Scope, *, surely: bool) -> None:
        """Tests and ``default`` take a variable that is missing, though not a member of one."""
        self._read_all(node.args, bound, surely=surely)
        if not isinstance(node.node, nodes.Name):
            self._read_all([node.node], bound, surely=surely)
        elif isinstance(node, nodes.Filter) or node.name in _ASKS_WHETHER_DEFINED:
            self._provided_for.add(node.node.name)


def _targets(loop: nodes.For) -> set[str]:
    if isinstance(loop.target, nodes.Name):
        return {loop.target.name}
    return {name.name for name in loop.target.find_all(nodes.Name)}


def _by_turn(node: nodes.Node) -> tuple[Iterable[nodes.Node | None], Iterable[nodes.Node | None]]:
    """Parts that are evaluated whenever ``node`` is, and parts that depend on what those give."""
    match node:
        case nodes.If():
            return [node.test], [*node.body, *node.elif_, *node.else_]
        case nodes.CondExpr():
            return [node.test], [node.expr1, node.expr2]
        case nodes.And() | nodes.Or():
            return [node.left], [node.right]
        case nodes.Compare():
            return [node.expr, *node.ops[:1]], node.ops[1:]
    return node.iter_child_nodes(), ()
