"""Files that a job file names: their content takes the place of their names before the job is submitted."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graftwork.cli.errors import JobFileError
from graftwork.cli.errors import Mistake
from graftwork.cli.yaml_source import Location
from graftwork.cli.yaml_source import YamlSource
from graftwork.cli.yaml_source import read_text
from graftwork.cli.yaml_source import read_yaml

FILES_KEY = "files"
FILE_KEY = "file"
PROMPT_SUFFIXES = frozenset({".txt", ".md", ".j2", ".jinja"})


class Inliner:
    """Replaces file names by content, and collects what is wrong with them. Paths are relative to the job file."""

    def __init__(self, source: YamlSource) -> None:
        self._source = source
        self.mistakes: list[Mistake] = []

    def inline(self) -> Any:
        """Return the document with every file's content in its place."""
        document = self._source.value
        if not isinstance(document, dict):
            return document
        return self._seeds(self._initial(dict(document)))

    def _seeds(self, document: dict[str, Any]) -> dict[str, Any]:
        seeds = document.get("seeds")
        if not isinstance(seeds, dict):
            return document
        if FILE_KEY not in seeds:
            self._note(("seeds",), "should be a list of rows, or name a file: {file: seeds.jsonl}")
        rows = self._files(seeds, ("seeds",), {FILE_KEY: _read_rows}).get(FILE_KEY)
        del document["seeds"]
        return document if rows is None else {**document, "seeds": rows}

    def _initial(self, document: dict[str, Any]) -> dict[str, Any]:
        search = document.get("search")
        if not isinstance(search, dict):
            return document
        initial = search.get("initial")
        if not isinstance(initial, dict) or FILES_KEY not in initial:
            return document
        location = ("search", "initial", FILES_KEY)
        content = self._files(initial[FILES_KEY], location, {"prompts": _read_prompts, "code": read_text})
        rest = {key: value for key, value in initial.items() if key != FILES_KEY}
        return {**document, "search": {**search, "initial": {**rest, **content}}}

    def _files(self, names: Any, location: Location, readers: dict[str, Callable[[Path], Any]]) -> dict[str, Any]:
        """Read what is named; what cannot be read is noted and left out."""
        if not isinstance(names, dict):
            self._note(location, f"should be a mapping with {', '.join(readers)}")
            return {}
        content = {}
        for key, name in names.items():
            here = (*location, str(key))
            if key not in readers:
                self._note(here, f"unknown key; known here: {', '.join(readers)}")
            elif not isinstance(name, str):
                self._note(here, "should be a path")
            else:
                content[key] = self._read(readers[key], name, here)
        return {key: value for key, value in content.items() if value is not None}

    def _read(self, reader: Callable[[Path], Any], name: str, location: Location) -> Any:
        path = self._source.file.parent / Path(name).expanduser()
        try:
            return reader(path)
        except JobFileError as error:
            self.mistakes += error.mistakes if path.exists() else ()
            if not path.exists():
                self._note(location, f"there is no {path}")
            return None

    def _note(self, location: Location, message: str) -> None:
        self.mistakes.append(self._source.mistake(location, message))


def _read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a seeds file. Raises ``JobFileError``."""
    if path.suffix == ".csv":
        return _csv_rows(path)
    if path.suffix in {".jsonl", ".ndjson"}:
        return _json_rows(path)
    raise JobFileError([Mistake(path, 0, "", "seeds come as .jsonl (one object a line) or .csv (with a header)")])


def _json_rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    mistakes = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            mistakes.append(Mistake(path, number, "", f"not JSON: {error.msg} at column {error.colno}"))
            continue
        if isinstance(row, dict):
            rows.append(row)
        else:
            mistakes.append(Mistake(path, number, "", "should be a JSON object"))
    if mistakes:
        raise JobFileError(mistakes)
    return rows


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), restkey=None, restval=None, strict=True)
    rows: list[dict[str, Any]] = []
    mistakes = []
    try:
        for row in reader:
            if None in row or None in row.values():
                mistakes.append(Mistake(path, reader.line_num, "", "has another number of cells than the header"))
            rows.append(row)
    except csv.Error as error:
        mistakes.append(Mistake(path, reader.line_num, "", f"not CSV: {error}"))
    if mistakes:
        raise JobFileError(mistakes)
    return rows


def _read_prompts(path: Path) -> dict[str, Any]:
    """Prompts by name: a directory's text files, or one YAML mapping. Raises ``JobFileError``."""
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in PROMPT_SUFFIXES)
        if not files:
            suffixes = ", ".join(sorted(PROMPT_SUFFIXES))
            raise JobFileError([Mistake(path, 0, "", f"has no prompts: files ending in {suffixes}")])
        return {file.stem: read_text(file) for file in files}
    source = read_yaml(path)
    if not isinstance(source.value, dict):
        raise JobFileError([Mistake(path, 0, "", "should map each prompt's name to its text")])
    return source.value
