"""Workflows and records as people read them in a terminal."""

import json
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from rich.console import Console
from rich.text import Text

from graftwork.cli.words import on_one_line
from graftwork.cli.words import printable
from graftwork.contracts.workflows import SampleRow
from graftwork.contracts.workflows import Workflow

INDENT = " " * 4
LONGEST = 50_000
LONGEST_TITLE = 500


def titled(title: str, text: str, console: Console) -> None:
    """Print a text below its title; of one that nobody reads to its end, the beginning."""
    left = len(text) - LONGEST
    text = text if left <= 0 else f"{text[:LONGEST]}\n[... {left:,} characters more]"
    console.print(Text(on_one_line(title[:LONGEST_TITLE]), style="bold"))
    console.print(Text(indent(printable(text).strip(), INDENT)), end="\n\n")


def show_prompts(workflow: Workflow, of: str, console: Console) -> None:
    """Print the prompts of a workflow; ``of`` says whose they are."""
    for name, text in sorted(workflow.prompts.items()):
        titled(f"Prompt {name!r}{of}", text, console)


def show_sample(title: str, row: SampleRow, console: Console) -> None:
    """Print a sample, or why there is none."""
    if row.output is not None:
        titled(title, record(row.output), console)
    else:
        titled(f"{title}: failed", ": ".join(part for part in (row.reason, row.detail) if part), console)


def record(output: Mapping[str, Any]) -> str:
    """Say a record field by field: messages as a conversation, what is no text as JSON."""
    return "\n".join(_field(name, _value(value)) for name, value in output.items())


def _field(name: str, value: str) -> str:
    return f"{name}:\n{indent(value, INDENT)}" if "\n" in value else f"{name}: {value}"


def _value(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_conversation(value):
        return "\n".join(_field(message["role"], message["content"]) for message in value)
    return json.dumps(value, ensure_ascii=False)


def _is_conversation(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_message, value))


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(value.get(name), str) for name in ("role", "content"))
