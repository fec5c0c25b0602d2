"""Errors of the model plane's client side; calls themselves fail as ``graftwork.kit.errors`` says.

PermanentError
  - PromptBroken      a role prompt (often one that a job overrides) cannot be rendered
ValueError            told to whoever wrote the prompt, who may mend it
  - TemplateRefused   a workflow's prompt is not a template of the dialect, or does not fit its variables
"""

from graftwork.kit.errors import PermanentError


class PromptBroken(PermanentError):
    """A role prompt (often one that a job overrides) cannot be rendered."""

    code = "prompt_broken"


class TemplateRefused(ValueError):
    """A workflow's prompt is not a template of the dialect, or does not fit the variables given."""
