"""What workflow code is given: ``ctx``, ``seed`` and a few helper modules; and the type stubs made from that."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass

ENTRY_POINT = "workflow"
"""Name of the one function that a workflow's code must define: ``async def workflow(ctx, seed)``."""

HELPER_CHARS = 20_000
"""Longest text that a helper takes."""

HELPER_VALUES = 2_000
"""Longest list that a helper takes."""

NARROWEST_LINE = 10
"""Smallest width that a helper wraps to."""


@dataclass(frozen=True)
class Offer:
    """One name that code may use. ``form``: parameters and result of a function, or the type of a constant."""

    name: str
    form: str
    does: str = ""

    @property
    def is_function(self) -> bool:
        """Whether it can be called."""
        return self.form.startswith("(")


CTX = (
    Offer(
        "llm",
        "(self, name: str, /, **variables: Any) -> str",
        "Render the prompt `name` with `variables`, ask the model, return its text.",
    ),
    Offer(
        "llm_json",
        "(self, name: str, /, **variables: Any) -> dict[str, Any]",
        "The same, asking for one JSON object; ValueError if the answer is none.",
    ),
)
"""Methods of ``ctx``, all of them asynchronous."""

_NUMBERS = "(data: list[float]) -> float"

HELPERS: Mapping[str, tuple[Offer, ...]] = {
    "statistics": tuple(Offer(name, _NUMBERS) for name in ("mean", "median", "mode", "pstdev", "stdev")),
    "string": tuple(
        Offer(name, "str") for name in ("ascii_letters", "ascii_lowercase", "ascii_uppercase", "digits", "punctuation")
    ),
    "textkit": (
        Offer("sentences", "(text: str) -> list[str]", "each with its closing mark"),
        Offer("slug", "(text: str) -> str", "lower-case ASCII words joined by hyphens"),
        Offer("unfenced", "(text: str) -> str", "an answer without the ``` fence or the quotes around all of it"),
        Offer("word_count", "(text: str) -> int", "numbers count, punctuation does not"),
    ),
    "textwrap": (
        Offer("dedent", "(text: str) -> str"),
        Offer("fill", "(text: str, width: int = 70) -> str"),
        Offer("indent", "(text: str, prefix: str) -> str"),
        Offer("shorten", "(text: str, width: int, placeholder: str = ' [...]') -> str"),
        Offer("wrap", "(text: str, width: int = 70) -> list[str]"),
    ),
}
"""Modules that we hand in. What is named as in Python does what it does there, and is said without a word more."""

_ERRORS = """
    FileExistsError FileNotFoundError ImportError IsADirectoryError ModuleNotFoundError NotADirectoryError
    PermissionError UnboundLocalError UnicodeDecodeError UnicodeEncodeError
"""

UNCHECKED = (
    Offer("filter", "(function: Callable[..., Any] | None, items: Iterable[Any], /) -> Iterator[Any]"),
    Offer("format", "(value: object, spec: str = '', /) -> str"),
    Offer("getattr", "(obj: object, name: str, default: Any = ..., /) -> Any"),
    Offer("hasattr", "(obj: object, name: str, /) -> bool"),
    Offer("map", "(function: Callable[..., Any], /, *items: Iterable[Any]) -> Iterator[Any]"),
    Offer("setattr", "(obj: object, name: str, value: Any, /) -> None"),
    *(Offer(name, "type[Exception]") for name in _ERRORS.split()),
)
"""Builtins that the runtime has and its type checker does not know."""

_IMPORTS = """\
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any
"""


def helper_stubs(module: str) -> str:
    """Type stubs of a helper module."""
    return "\n".join(_declared(HELPERS[module]))


def _class(name: str, methods: Iterable[Offer]) -> str:
    lines = [f'    async def {one.name}{one.form}:\n        """{one.does}"""' for one in methods]
    return "\n".join([f"class {name}:", *lines])


def _declared(offers: Iterable[Offer]) -> list[str]:
    return [f"def {one.name}{one.form}: ..." if one.is_function else f"{one.name}: {one.form}" for one in offers]


STUBS = f"""\
from typing import Any

Seed = dict[str, Any]

{_class("Ctx", CTX)}
"""
"""Type stubs of ``ctx`` and ``seed``, as authors are shown them."""

CHECKER_STUBS = "\n".join([_IMPORTS, STUBS.partition("\n\n")[2], *_declared(UNCHECKED), ""])
"""What the type checker is given: ``STUBS``, and the builtins it does not know."""
