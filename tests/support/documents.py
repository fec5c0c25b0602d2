"""Documents whose Python, or whose commands, are run."""

from collections.abc import Iterator
from pathlib import Path
from types import CodeType

from markdown_it import MarkdownIt


def python_blocks(document: Path) -> Iterator[CodeType]:
    """Give the fenced Python blocks of a Markdown file, compiled so that errors name its lines."""
    for token in MarkdownIt().parse(document.read_text()):
        if token.type == "fence" and token.info == "python" and token.map is not None:
            before = "\n" * (token.map[0] + 1)
            yield compile(before + token.content, str(document), "exec")


def run_document(document: Path) -> None:
    """Run all blocks in order, in one session, as a reader who types them in."""
    session: dict[str, object] = {}
    for block in python_blocks(document):
        exec(block, session)  # noqa: S102 (our own document)


def commands(document: Path) -> list[str]:
    """Return the lines of a Markdown file's console blocks that are typed, in order."""
    blocks = (token.content for token in MarkdownIt().parse(document.read_text()) if token.info == "console")
    typed = [line for block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in typed if line.startswith("$ ")]
