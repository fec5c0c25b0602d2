"""Errors of the optimizer.

PermanentError
  x ParentMissing             a refinement or repair was asked for without the workflow to change
  x NothingToRefine           no prompt of the workflow can take another sentence
  x UnknownStarter            no built-in starter of that name
  x UnusableWorkflow          the workflow given with the job cannot run, as its text shows
"""

from graftwork.kit.errors import PermanentError


class ParentMissing(PermanentError):
    """A refinement or repair was asked for without the workflow to change."""

    code = "parent_missing"


class NothingToRefine(PermanentError):
    """No prompt of the workflow can take another sentence."""

    code = "nothing_to_refine"


class UnknownStarter(PermanentError):
    """No built-in starter has that name."""

    code = "unknown_starter"


class UnusableWorkflow(PermanentError):
    """The workflow given with the job cannot run, as its text shows; the message says why."""

    code = "unusable_workflow"
