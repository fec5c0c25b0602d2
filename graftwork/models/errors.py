"""Errors of the model plane's client side; calls themselves fail as ``graftwork.kit.errors`` says.

PermanentError
  - PromptBroken      a role prompt (often one that a job overrides) cannot be rendered
"""

from graftwork.kit.errors import PermanentError


class PromptBroken(PermanentError):
    """A role prompt (often one that a job overrides) cannot be rendered."""

    code = "prompt_broken"
