"""Processes that leave by ``leave_after``: what they were to say is said, and nothing is torn down."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import atexit, sys
from graftwork.kit.leaving import leave_after

class Kept:
    def __del__(self):
        sys.__stdout__.write("torn down\\n")

kept = Kept()
atexit.register(print, "at exit")

def main():
    print("worked")
    {end}

leave_after(main)
"""


def ended(end: str, **how: int) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM.format(end=end)],
        check=False,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        stdout=how.get("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize(
    ("end", "status", "said"),
    [
        ("return", 0, ""),
        ("sys.exit()", 0, ""),
        ("sys.exit(0)", 0, ""),
        ("sys.exit(143)", 143, ""),
        ("sys.exit(-1)", 255, ""),
        ("sys.exit('words')", 1, "words\n"),
    ],
)
def test_the_status_is_the_one_that_was_wanted_and_output_arrives(end: str, status: int, said: str) -> None:
    left = ended(end)

    assert (left.returncode, left.stdout, left.stderr) == (status, "worked\nat exit\n", said)


def test_what_went_wrong_ends_as_python_ends_it() -> None:
    left = ended("raise RuntimeError('broken')")

    assert left.returncode == 1
    assert left.stderr.startswith("Traceback")
    assert left.stderr.endswith("RuntimeError: broken\n")


@pytest.mark.parametrize("end", ["sys.stdout = None", "sys.stdout.close()"])
def test_output_that_is_gone_does_not_matter(end: str) -> None:
    assert ended(f"atexit.unregister(print); {end}; sys.exit(3)").returncode == 3


def test_output_that_nobody_reads_does_not_matter() -> None:
    with subprocess.Popen(["true"], stdin=subprocess.PIPE) as gone:  # noqa: S607 - any that reads nothing
        gone.wait()
        assert gone.stdin is not None
        left = ended("sys.exit(3)", stdout=gone.stdin.fileno())

        assert (left.returncode, left.stderr) == (3, "")
