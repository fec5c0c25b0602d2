"""Entry point of the ``graftwork`` command: the commands' names, and the exit status of every end.

Exit status: 0 done, 1 failed, 2 wrong usage or job file, 3 no server answers, 130 Ctrl-C, 143 SIGTERM.
"""

import os
import sys
from typing import NoReturn

import click

from graftwork import __version__
from graftwork.cli.errors import FAILED
from graftwork.cli.errors import INTERRUPTED
from graftwork.cli.errors import exit_status
from graftwork.cli.lazy import LazyGroup
from graftwork.contracts.visible import visible
from graftwork.kit.errors import GraftworkError
from graftwork.kit.leaving import leave_after

COMMANDS = {
    "demo": ("graftwork.cli.run:demo", "Run the example from an empty machine to a published dataset."),
    "up": ("graftwork.cli.up:up", "Start Kafka, MongoDB, a model and every service on this machine."),
    "run": ("graftwork.cli.run:run", "Submit a job file, watch the job, download its dataset."),
    "init": ("graftwork.cli.init:init", "Write a job file with every option explained."),
    "validate": ("graftwork.cli.validate:validate", "Check a job file; every mistake with its line."),
    "preview": ("graftwork.cli.preview:preview", "Show some rows of a job file's first workflow; nothing is kept."),
    "jobs": ("graftwork.cli.jobs:jobs", "Submit, list, show, watch, cancel, extend, retry and delete jobs."),
    "reviews": ("graftwork.cli.reviews:reviews", "Look at workflows that wait for a person, and answer."),
    "tree": ("graftwork.cli.show_tree:tree", "Draw the workflow tree of a job."),
    "datasets": ("graftwork.cli.datasets:datasets", "List, download, save in other formats, push and delete datasets."),
    "models": ("graftwork.cli.models:models", "Check the model pools: reachable, context, prices."),
    "webhooks": ("graftwork.cli.webhooks:webhooks", "Let URLs be told of finished jobs and open reviews."),
    "admin": ("graftwork.cli.admin:admin", "Manage keys and tenants; look after Kafka, MongoDB and the blob store."),
    "env": ("graftwork.cli.env:env", "Print the server's address and key, or a service's settings, for a shell."),
    "doctor": ("graftwork.cli.doctor:doctor", "Check what this machine has, and say how to mend what is missing."),
    "completion": ("graftwork.cli.completion:completion", "Print a script that lets a shell complete commands."),
}

EPILOG = "Exit status: 0 done, 1 failed, 2 wrong usage or job file, 3 no server answers, 130 Ctrl-C, 143 SIGTERM."


@click.group(cls=LazyGroup, places=COMMANDS, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="graftwork", message="%(prog)s %(version)s")
def cli() -> None:
    """Grow workflows that make synthetic training data."""


def main() -> None:
    """Run the command line and exit."""
    try:
        status = cli(standalone_mode=False, color=False if os.environ.get("NO_COLOR") else None)
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except GraftworkError as error:
        who = "" if error.code == "job_file" else "graftwork: "  # its lines begin with a file and a line
        click.echo(f"{who}{visible(str(error))}", err=True)
        status = exit_status(error)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "graftwork":
            raise  # a mistake of ours, not a package that was left out
        mend = "pip install 'graftwork[local]', or name a server that runs: --url"
        click.echo(f"graftwork: this needs the package {error.name}: {mend}", err=True)
        status = FAILED
    except (click.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        status = 0
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"graftwork: {error.filename}: {error.strerror}", err=True)
        status = FAILED
    sys.exit(status if isinstance(status, int) else 0)


def _forget_stdout() -> None:
    """Keep Python from flushing into a pipe that nobody reads: ``graftwork jobs list | head -1``."""
    sys.stdout = None


def command() -> NoReturn:
    """What is installed as ``graftwork``."""
    leave_after(main)


if __name__ == "__main__":
    command()
