"""Turning the list of calls into methods of a client."""

import inspect
from collections.abc import Callable
from typing import Any
from typing import TypeVar
from typing import get_args

from graftwork.client.call import Call

F = TypeVar("F", bound=Callable[..., Any])


def as_method(method: F, call: Callable[..., Call[Any]]) -> F:
    """Give ``method`` the name, the words and the signature of ``call``, with its answer for the call itself."""
    signature = inspect.signature(call)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    (answer,) = get_args(signature.return_annotation)
    method.__name__ = method.__qualname__ = call.__name__
    method.__doc__ = call.__doc__
    described = signature.replace(parameters=[this, *signature.parameters.values()], return_annotation=answer)
    method.__signature__ = described  # type: ignore[attr-defined]
    return method
