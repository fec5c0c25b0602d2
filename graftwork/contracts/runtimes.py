"""What runs workflows."""

from enum import StrEnum


class WorkflowRuntime(StrEnum):
    """``monty``: a small interpreter without any way out. ``cpython``: the whole language, where it is allowed."""

    MONTY = "monty"
    CPYTHON = "cpython"
