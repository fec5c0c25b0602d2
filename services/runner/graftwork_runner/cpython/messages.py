"""What a worker can say. It runs hostile code and can send anything, so nothing that is not exactly this is heard."""

from typing import Annotated
from typing import Literal

from pydantic import BaseModel
from pydantic import ConfigDict
from pydantic import Field
from pydantic import TypeAdapter
from pydantic import ValidationError

from graftwork_runner.cpython.errors import ProtocolBroken
from graftwork_runner.errors import JsonRefused
from graftwork_runner.faults import TRACE_FRAMES
from graftwork_runner.readable import readable
from graftwork_runner.sandbox import Limits
from graftwork_runner.strict_json import JsonLimits
from graftwork_runner.strict_json import parse_strictly

_MAX_NUMBER = 2**31
_OVERHEAD = 16 * 1024
_DEPTH = 4
_VALUES = 100
Number = Annotated[int, Field(ge=0, lt=_MAX_NUMBER)]
ShortText = Annotated[str, Field(max_length=4_000)]
Line = tuple[Number, Annotated[str, Field(max_length=200)]]
Lines = Annotated[list[Line], Field(max_length=TRACE_FRAMES)]


class Message(BaseModel):
    """Something a worker says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Loaded(Message):
    """The module ran to its end."""

    type: Literal["loaded"]
    entry_point: bool


class Faulted(Message):
    """Loading raised, or something ended the session that cannot be blamed on one seed."""

    type: Literal["fault"]
    kind: ShortText
    message: ShortText
    lines: Lines


class Where(Message):
    """The turn takes long; these lines are under way."""

    type: Literal["where"]
    lines: Lines


class Begin(Message):
    """A seed waits for its turn to begin."""

    type: Literal["begin"]
    call: Number
    seed: Number


class Ask(Message):
    """A seed asks the model; ``variables`` is JSON text."""

    type: Literal["ask"]
    call: Number
    seed: Number
    name: ShortText
    variables: str
    wants_json: bool


class Dropped(Message):
    """Nobody waits for this call any more."""

    type: Literal["dropped"]
    call: Number


class Done(Message):
    """A seed's record, as JSON text."""

    type: Literal["done"]
    seed: Number
    record: str


class Unfit(Message):
    """What a seed returned is no JSON, or too long."""

    type: Literal["unfit"]
    seed: Number
    problem: ShortText


class Failed(Message):
    """A seed raised."""

    type: Literal["failed"]
    seed: Number
    kind: ShortText
    message: ShortText
    lines: Lines


class Rest(Message):
    """Nothing can go on without an order. ``timers``: some of the workflow's own are set."""

    type: Literal["rest"]
    timers: bool


class Ended(Message):
    """All seeds have ended."""

    type: Literal["ended"]


AnyMessage = Loaded | Faulted | Where | Begin | Ask | Dropped | Done | Unfit | Failed | Rest | Ended
_ANY: TypeAdapter[AnyMessage] = TypeAdapter(Annotated[AnyMessage, Field(discriminator="type")])


def most_bytes(limits: Limits) -> int:
    """Longest frame that an honest worker has a use for: text in JSON in JSON, each character up to seven bytes."""
    return 7 * max(4 * limits.prompt_chars, limits.output_chars) + _OVERHEAD


def parse(text: str) -> AnyMessage:
    """The message that ``text`` is. Raises ``ProtocolBroken``."""
    try:
        parse_strictly(text, JsonLimits(chars=len(text), depth=_DEPTH, values=_VALUES))
        return _ANY.validate_json(text)
    except JsonRefused as error:
        raise ProtocolBroken(str(error)) from error
    except ValidationError as error:
        raise ProtocolBroken(readable(_first_of(error))) from error


def _first_of(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'message'}: {first['msg']}"
