#!/usr/bin/env python3
"""Publishes the contracts in docs/contracts: schemas and documents for machines, and pages for people.

``scripts/contracts.py`` writes what the code says today. A version of an event that it replaces moves to ``history/``,
and a change that old services would not survive is refused. ``--check`` writes nothing and fails on drift.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graftwork.contracts.compatibility import shape
from graftwork.contracts.compatibility import transitive_incompatibilities
from graftwork.contracts.events import EventData
from graftwork.contracts.schemas import published_name
from graftwork.contracts.schemas import published_schema
from graftwork.contracts.schemas import schema_text
from graftwork_gateway.app import bare_app
from publishing.asyncapi import document
from publishing.envelope import KEY
from publishing.events_page import events_page
from publishing.events_page import picture
from publishing.flow import observed
from publishing.grpc_page import compiled
from publishing.grpc_page import grpc_page
from publishing.rest_page import rest_page
from publishing.subjects import KEY_FILE
from publishing.subjects import subjects
from publishing.text import replaced
from publishing.text import yaml_text

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "contracts"
INDEX = "README.md"


class Published:
    """One event's contract on disk: the current version and those before it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.current = folder / f"{name}.json"
        self.history = folder / "history" / name

    def versions(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every version there ever was, oldest first."""
        past = sorted(self.history.glob("*.json"), key=lambda path: int(path.stem))
        for path in [*past, *([self.current] if self.current.exists() else [])]:
            yield path.stem, json.loads(path.read_text(encoding="utf-8"))

    def write(self, schema: dict[str, Any]) -> None:
        """Make ``schema`` the current version; the one before stays, unless only words changed."""
        versions = list(self.versions())
        if self.current.exists() and shape(versions[-1][1]) != shape(schema):
            self.history.mkdir(parents=True, exist_ok=True)
            self.current.rename(self.history / f"{len(versions)}.json")
        self.current.parent.mkdir(parents=True, exist_ok=True)
        self.current.write_text(schema_text(schema), encoding="utf-8")

    def is_stale(self, schema: dict[str, Any]) -> bool:
        """Whether the file says something else than the model."""
        return not self.current.exists() or self.current.read_text(encoding="utf-8") != schema_text(schema)


def publish(events: Iterable[type[EventData]], folder: Path, *, check: bool) -> Iterator[str]:
    """Publish what may be published, or only look; one line for everything that is wrong."""
    schemas = {published_name(event.event_name): published_schema(event) for event in events}
    for path in sorted(folder.glob("*.json")):
        if path.stem not in schemas:
            yield f"{path.stem}: the event is gone, but services of older releases still send it"
    for name, schema in sorted(schemas.items()):
        published = Published(folder, name)
        refused = transitive_incompatibilities(published.versions(), schema)
        yield from (f"{name}: {problem}" for problem in refused)
        if refused or not published.is_stale(schema):
            continue
        if check:
            yield f"{name}: the published schema is stale: run scripts/contracts.py"
        else:
            published.write(schema)


def publish_text(text: str, file: Path, *, check: bool) -> Iterator[str]:
    """Write a document or a page, or only look; a line if it is stale."""
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    if check:
        yield f"{file.name}: the published document is stale: run scripts/contracts.py"
    else:
        file.write_text(text, encoding="utf-8")


def documents(index: str) -> dict[str, str]:
    """Every file that is no schema of an event; ``index`` is the page whose picture is drawn again."""
    flow, api = observed(), bare_app().openapi()
    return {
        "asyncapi.yaml": yaml_text(document(flow)),
        "events.md": events_page(flow),
        "grpc.md": grpc_page(compiled()),
        KEY_FILE: schema_text(KEY),
        "openapi.json": schema_text(api),
        INDEX: replaced(index, "picture", picture(flow)),
        "rest.md": rest_page(api),
        "subjects.json": json.dumps(subjects(), indent=2) + "\n",
    }


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file would change")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the contracts lie")
    arguments = parser.parse_args()
    folder, check = arguments.folder, arguments.check
    texts = documents((folder / INDEX).read_text(encoding="utf-8"))
    found = [
        *publish(EventData.registry.values(), folder / "events", check=check),
        *(line for name, text in texts.items() for line in publish_text(text, folder / name, check=check)),
    ]
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
