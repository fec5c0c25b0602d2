"""Markdown and YAML as they are committed: equal for equal contents, and pleasant to read."""

import json
import re
from collections.abc import Iterable
from collections.abc import Sequence
from inspect import getdoc
from typing import Any

import yaml
from typing_extensions import override

_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Repeats what occurs twice instead of pointing at it, and writes long texts as blocks."""

    @override
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def yaml_text(document: Any) -> str:
    """A YAML file, keys in the order given."""
    text: str = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    return text


def page(*parts: str) -> str:
    """A Markdown file of these paragraphs, headings and tables."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; nothing where there is no row."""
    lines = [" | ".join(_cell(cell) for cell in row) for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {line} |" for line in [" | ".join(head), " | ".join("---" for _ in head), *lines])


def folded(summary: str, value: Any) -> str:
    """A JSON value behind a line that unfolds it."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return f"<details><summary>{summary}</summary>\n\n```json\n{text}\n```\n\n</details>"


def link(title: str, target: str = "") -> str:
    """Link to a heading; to one of this page, if nothing else is said."""
    return f"[{title}]({target or '#' + anchor(title)})"


def anchor(heading: str) -> str:
    """How GitHub names the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def sentence(documented: type) -> str:
    """The docstring on one line."""
    return " ".join((getdoc(documented) or "").split())


def replaced(text: str, name: str, content: str) -> str:
    """``text`` with what stands between the marks ``name`` replaced. Raises ``ValueError`` if there are no marks."""
    begin, end = f"<!-- {name}: made by scripts/contracts.py -->", f"<!-- end of {name} -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"no place for {name}: {begin} ... {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
