"""Errors of the solvers, beside the kit's ``Overloaded``, ``DependencyDown``, ``UnknownPool`` and ``ModelRefused``.

RetryableError (kit)
  - DependencyDown (kit)        the endpoint does not answer
    - MalformedAnswer           it answers, but not with what was asked for: HTML, half JSON, no choices
    - EngineGone                the pod's own engine has ended, hangs, or does not come up
PermanentError (kit)
  - ModelRefused (kit)          the endpoint rejected the call
    - KeyRefused                it wants another API key, or one at all
    - ParameterRefused          it does not take some ``parameters`` of the call
GraftworkError (kit)
  - PodFault                    a mistake of ours

What leaves the pod is the kit's class: callers need no more than the message.
"""

from graftwork.kit.errors import DependencyDown
from graftwork.kit.errors import GraftworkError
from graftwork.kit.errors import ModelRefused


class MalformedAnswer(DependencyDown):
    """The endpoint answered with something that is not what was asked for."""


class EngineGone(DependencyDown):
    """The pod's own engine has ended, or has to be ended."""


class KeyRefused(ModelRefused):
    """The endpoint refused the API key, or wants one."""


class ParameterRefused(ModelRefused):
    """The endpoint does not take ``parameters`` of the call, each by the name it was sent under."""

    def __init__(self, message: str, *, parameters: frozenset[str]) -> None:
        super().__init__(message)
        self.parameters = parameters


class PodFault(GraftworkError):
    """A mistake of ours; its words stay in the log, since nobody checked them for secrets."""
