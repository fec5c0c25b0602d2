"""Words for answer models: strict reading of what a model wrote, with errors that help it to mend.

Text lengths are checked here and not in the schema: some endpoints refuse ``minLength``. Models for
very small pools state them all the same, because a grammar is what keeps those short.
"""

from typing import Annotated
from typing import Literal

from pydantic import AfterValidator
from pydantic import BaseModel
from pydantic import BeforeValidator
from pydantic import ConfigDict

from graftwork.contracts.visible import visible


def not_blank(text: str) -> str:
    """Refuse text that says nothing."""
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def one_line(text: str) -> str:
    """Even out white space, and show what hides."""
    return " ".join(visible(text).split())


def _whole_number(value: object) -> object:
    if type(value) is not int:
        raise ValueError("must be a whole number")
    return value


Text = Annotated[str, AfterValidator(not_blank)]
"""Any text that says something, kept as it is."""

Line = Annotated[str, AfterValidator(not_blank), AfterValidator(one_line)]
"""Text on one line, its spaces evened out."""

Points = Annotated[Literal[1, 2, 3, 4, 5], BeforeValidator(_whole_number)]
"""A score. An enum, since every structured-output engine obeys those; neither 4.0 nor true will do."""


class Answer(BaseModel):
    """An answer: nothing missing, nothing extra, no converted types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
