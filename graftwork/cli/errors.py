"""Errors of the command line, and the exit status of every error.

GraftworkError
  x CliError
    - JobFileError              the job file has mistakes (``mistakes``: all of them)
    - NotFinished               the job ended without success
    - NoStarterFits             the model cannot write a workflow, and no built-in one makes this kind of record
    - NoServer                  no server was named, and none runs on this machine
    - WouldOverwrite            the file to write is there already
    - NotADataset               a directory or file is no dataset of ours
    - ExtraMissing              what was asked for needs packages that were left out at installation
    - NoHubToken                HF_TOKEN is not set
    - HubRefused                the hub said no: to the token, the name, or a file
    - HubUnreachable            no hub answers

Exit status: 0 done, 1 failed, 2 wrong usage or job file, 3 no server answers, 130 Ctrl-C, 143 SIGTERM.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from graftwork.kit.errors import GraftworkError

FAILED = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 130
TERMINATED = 143

_STATUSES = {
    "job_file": USAGE,
    "invalid": USAGE,
    "unreachable": UNREACHABLE,
    "server_away": UNREACHABLE,
    "dependency_down": UNREACHABLE,
    "no_server": UNREACHABLE,
    "no_starter_fits": USAGE,
    "would_overwrite": USAGE,
    "cannot_become": USAGE,
    "not_a_dataset": USAGE,
    "no_hub_token": USAGE,
    "hub_unreachable": UNREACHABLE,
}


def exit_status(error: GraftworkError) -> int:
    """Return the exit status of an error; its ``code`` is enough, so that nothing has to be imported for it."""
    return _STATUSES.get(error.code, FAILED)


class CliError(GraftworkError):
    """Root of the command line's errors."""

    code = "cli"


@dataclass(frozen=True)
class Mistake:
    """One mistake in a file. ``path`` is dotted; empty: the file as a whole. ``line`` counts from 1; 0: unknown."""

    file: Path
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else str(self.file)
        return ": ".join(part for part in (where, self.path, self.message) if part)


class JobFileError(CliError):
    """The job file has mistakes."""

    code = "job_file"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: (str(mistake.file), mistake.line)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class NotFinished(CliError):
    """The job ended without success."""

    code = "not_finished"


class NoServer(CliError):
    """No server was named, and none runs on this machine."""

    code = "no_server"

    def __init__(self) -> None:
        super().__init__("no server: start one with `graftwork up`, or name one with --url or GRAFTWORK_URL")


class NoStarterFits(CliError):
    """The model cannot write a workflow, and no built-in one makes this kind of record."""

    code = "no_starter_fits"

    def __init__(self, layout: str) -> None:
        super().__init__(
            f"this model cannot write Python, and no starter makes records of layout {layout!r}: "
            "give a workflow in search.initial.files, or name a better endpoint in OPENAI_BASE_URL"
        )


class WouldOverwrite(CliError):
    """The file to write is there already."""

    code = "would_overwrite"

    def __init__(self, file: Path) -> None:
        super().__init__(f"{file} is there already: --force overwrites it")


class NotADataset(CliError):
    """A directory or file is no dataset of ours."""

    code = "not_a_dataset"


class ExtraMissing(CliError):
    """What was asked for needs packages that were left out at installation."""

    code = "extra_missing"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package {package}: pip install 'graftwork[{extra}]'")


class NoHubToken(CliError):
    """HF_TOKEN is not set."""

    code = "no_hub_token"

    def __init__(self) -> None:
        super().__init__("the hub needs a token that may write: set HF_TOKEN")


class HubRefused(CliError):
    """The hub said no."""

    code = "hub_refused"


class HubUnreachable(CliError):
    """No hub answers."""

    code = "hub_unreachable"
