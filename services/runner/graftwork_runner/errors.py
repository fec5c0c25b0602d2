"""Errors of the runner.

What goes wrong inside a workflow is a result (a ``FailureReason``), not one of these.

DependencyDown (kit)
  x SandboxDown               no sandbox worker can be started
PermanentError (kit)
  x UnusableSchema            the job's output schema cannot be applied to any record
  x RuntimeRefused            the job's runtime is not allowed, or has no wall that it needs
  x WallDown                  the wall around the workers does not stand on this machine
ValueError                    raised at the door of the sandbox and told to the code inside, which may catch it
  x JsonRefused               text is not the bounded, strict JSON we accept
  x TemplateRefused (models)  a prompt is not a template of the dialect, or does not fit its variables
"""

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import PermanentError


class SandboxDown(DependencyDown):
    """No sandbox worker can be started: the binary is missing, or the machine is out of processes."""

    code = "sandbox_down"


class UnusableSchema(PermanentError):
    """The job's output schema cannot be applied to any record, e.g. a ``$ref`` that leads nowhere."""

    code = "unusable_schema"


class RuntimeRefused(PermanentError):
    """The job's runtime is not allowed by the operator, or needs a second wall where none stands."""

    code = "runtime_refused"


class WallDown(PermanentError):
    """The wall that was asked for does not stand: a program is missing, or the machine forbids what it is built of."""

    code = "wall_down"


class JsonRefused(ValueError):
    """Text is not the bounded, strict JSON we accept."""
