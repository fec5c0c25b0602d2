"""Job files: YAML in, a checked ``JobSpec`` out, or every mistake with its line."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from typing import get_args

from pydantic import BaseModel
from pydantic import ValidationError

from graftwork.cli.errors import JobFileError
from graftwork.cli.errors import Mistake
from graftwork.cli.inlining import FILES_KEY
from graftwork.cli.inlining import Inliner
from graftwork.cli.yaml_source import Location
from graftwork.cli.yaml_source import YamlSource
from graftwork.cli.yaml_source import read_yaml
from graftwork.contracts.jobs import InitialWorkflow
from graftwork.contracts.jobs import JobSpec
from graftwork.contracts.rest import Problem

_VALIDATORS_WORD = "Value error, "


@dataclass(frozen=True)
class JobFile:
    """A job file without mistakes, as far as this machine can tell."""

    source: YamlSource
    spec: JobSpec

    def mistakes_of(self, problem: Problem) -> JobFileError:
        """Return what the server found wrong, with the lines of this file."""
        found = [self.source.mistake(_location(error.path), error.message) for error in problem.errors]
        return JobFileError(found or [Mistake(self.source.file, 0, "", problem.detail or problem.title)])


def load_job(file: Path) -> JobFile:
    """Read a job file and the files it names.

    Raises:
        JobFileError: with all mistakes at once.
    """
    source = read_yaml(file)
    if not isinstance(source.value, dict):
        raise JobFileError([source.mistake((), "should be a mapping of a job's fields: task, count, ...")])
    inliner = Inliner(source)
    document = inliner.inline()
    mistakes = [*source.repeated_keys(), *inliner.mistakes]
    try:
        spec = JobSpec.model_validate(document)
    except ValidationError as error:
        raise JobFileError([*mistakes, *_mistakes(error, source)]) from error
    if mistakes:
        raise JobFileError(mistakes)
    return JobFile(source, spec)


def _mistakes(error: ValidationError, source: YamlSource) -> Iterator[Mistake]:
    for detail in error.errors(include_url=False, include_context=False):
        location: Location = detail["loc"]
        message = detail["msg"].removeprefix(_VALIDATORS_WORD)
        if detail["type"] == "extra_forbidden":
            message = f"unknown key{_hint(location)}"
        elif detail["type"] == "missing":
            message = "missing"
        elif detail["type"] == "string_type" and isinstance(detail["input"], int | float):
            message = f"should be text: write it in quotes, {str(detail['input'])!r}"
        yield source.mistake(location or _named_by(message), message)


def _named_by(message: str) -> Location:
    """Return the field that a message about the whole job begins with, e.g. ``budget.calls (1) cannot ...``."""
    first = message.split(maxsplit=1)[0]
    return _location(first) if first in set(_paths(JobSpec)) else ()


def _hint(location: Location) -> str:
    """Say what an unknown key was probably meant to be: a sibling, or the same name elsewhere."""
    *parents, key = location
    close = get_close_matches(str(key), _fields(_model_at(parents)), n=1)
    if close:
        return f"; did you mean {close[0]}?"
    elsewhere = [path for path in _paths(JobSpec) if path.rpartition(".")[2] == key]
    return f"; did you mean {elsewhere[0]}?" if elsewhere else ""


def _fields(model: type[BaseModel] | None) -> list[str]:
    if model is None:
        return []
    return [*model.model_fields, *([FILES_KEY] if model is InitialWorkflow else [])]


def _model_at(location: Location) -> type[BaseModel] | None:
    model: type[BaseModel] | None = JobSpec
    for part in location:
        field = model.model_fields.get(str(part)) if model else None
        model = _model_of(field.annotation) if field else None
    return model


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Return the model of an annotation, be it optional or not."""
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def _paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Give the dotted path of every field of a job."""
    for name in _fields(model):
        yield f"{prefix}{name}"
        field = model.model_fields.get(name)
        if field and (inner := _model_of(field.annotation)):
            yield from _paths(inner, f"{prefix}{name}.")


def _location(path: str) -> Location:
    """Read a dotted path; digits are indices."""
    return [int(part) if part.isdigit() else part for part in path.split(".") if part]
