"""The runtime ``cpython``: workflows in a Python of their own, one process for each session, behind a second wall."""

from graftwork_runner.cpython.runtime import CPythonRuntime

__all__ = ["CPythonRuntime"]
