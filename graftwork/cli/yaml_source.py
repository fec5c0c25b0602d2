"""YAML text whose values know their lines."""

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from graftwork.cli.errors import JobFileError
from graftwork.cli.errors import Mistake

Location = Sequence[str | int]
"""Keys and indices from the document's root down to a value, as pydantic gives them."""

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """Leaves dates as they are written: a seed's ``2024-05-01`` is text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class YamlSource:
    """A parsed file: its value, and the line of every part of it."""

    file: Path
    value: Any
    _root: yaml.Node

    def line(self, location: Location) -> int:
        """Return the line, from 1, of the value at ``location``, or of the nearest one around it."""
        node, line = self._root, self._root.start_mark.line
        for part in location:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line + 1

    def mistake(self, location: Location, message: str) -> Mistake:
        """Return a mistake at ``location``."""
        return Mistake(self.file, self.line(location), ".".join(str(part) for part in location), message)

    def repeated_keys(self) -> list[Mistake]:
        """Return a mistake for every key that a mapping has twice: YAML keeps the last one silently."""
        return [
            Mistake(self.file, line + 1, ".".join(path), f"given twice, first on line {first + 1}")
            for path, first, line in _repeated(self._root, (), set())
        ]


def read_text(file: Path) -> str:
    """Return a file's text. Raises ``JobFileError`` where there is none to be had."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise JobFileError([Mistake(file, 0, "", f"not UTF-8 text (byte {error.start})")]) from error
    except OSError as error:
        raise JobFileError([Mistake(file, 0, "", error.strerror or str(error))]) from error


def read_yaml(file: Path) -> YamlSource:
    """Parse a YAML file. Raises ``JobFileError`` with the one line that says where it breaks."""
    text = read_text(file)
    try:
        return _parse(file, _Loader(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise JobFileError([Mistake(file, mark.line + 1 if mark else 0, "", _said(error))]) from error
    except yaml.YAMLError as error:
        raise JobFileError([Mistake(file, 0, "", f"not YAML: {str(error).splitlines()[0]}")]) from error
    except RecursionError as error:
        raise JobFileError([Mistake(file, 0, "", "nested too deeply")]) from error


def _parse(file: Path, loader: _Loader) -> YamlSource:
    root = loader.get_single_node()
    if root is None:
        raise JobFileError([Mistake(file, 0, "", "empty")])
    return YamlSource(file, loader.construct_document(root), root)


def _said(error: yaml.MarkedYAMLError) -> str:
    words = [part for part in (error.context, error.problem) if part]
    kind = "not allowed here" if isinstance(error, ConstructorError) else "not YAML"
    return f"{kind}: {', '.join(words)}"


def _child(node: yaml.Node, part: str | int) -> tuple[int, yaml.Node] | None:
    """Return line and node of a value inside ``node``; a mapping's value has the line of its key."""
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # the last one counts
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part].start_mark.line, node.value[part]
    return None


def _repeated(node: yaml.Node, path: tuple[str, ...], seen: set[int]) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Give path, first line and line of every repeated key at and below ``node``."""
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated(value, (*path, str(index)), seen)
    if isinstance(node, yaml.MappingNode):
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line
            if name in first:
                yield (*path, name), first[name], line
            first.setdefault(name, line)
            yield from _repeated(value, (*path, name), seen)
