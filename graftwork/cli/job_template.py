"""The text of a new job file. Pure."""

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template
from textwrap import wrap

import yaml

from graftwork.contracts.jobs import ReviewMode
from graftwork.contracts.records import Layout

EXAMPLE = "Explanations of fractions for struggling third-graders, with everyday examples and plain words."
LONGEST_NAME = 64
_WIDTH = 100
_RECORD_SCHEMA = """\
  record_schema:
    type: object
    properties:
      question: {type: string, minLength: 1}
      answer: {type: string, minLength: 1}
    required: [question, answer]
    additionalProperties: false
"""


@dataclass(frozen=True)
class Answers:
    """What a person said of the job."""

    task: str = EXAMPLE
    count: int = 100
    layout: Layout = Layout.PROMPT_COMPLETION
    review: ReviewMode = ReviewMode.AUTO


def job_text(file: Path, answers: Answers) -> str:
    """Return the content of a job file of that name."""
    template = Template(files(__package__).joinpath("job_template.yaml").read_text(encoding="utf-8"))
    return template.substitute(
        file=file.name,
        name=dataset_name(file.stem),
        task=_scalar(answers.task),
        count=answers.count,
        layout=answers.layout,
        record_schema=_RECORD_SCHEMA if answers.layout is Layout.CUSTOM else "",
        review=answers.review,
    )


def dataset_name(stem: str) -> str:
    """Make a dataset's name of a file's: lower case, and nothing but letters, digits, ``-`` and ``_``."""
    return re.sub(r"[^a-z0-9_-]+", "-", stem.lower()).strip("-_")[:LONGEST_NAME] or "dataset"


def _scalar(text: str) -> str:
    """Say a text as YAML: as a paragraph where it is one, else in quotes."""
    if text.isprintable() and " ".join(text.split()) == text:
        lines = wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
        return "\n  ".join([">-", *lines])
    return str(yaml.safe_dump(text, default_style='"', allow_unicode=True, width=float("inf"))).strip()
