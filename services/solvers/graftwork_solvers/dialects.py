"""What each model's endpoint has turned out not to take."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any
from typing import get_args

from graftwork.kit.logging import get_logger
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.hosts import Habits
from graftwork_solvers.refusals import SYSTEM
from graftwork_solvers.settings import Parameter
from graftwork_solvers.settings import PoolSettings
from graftwork_solvers.settings import ResponseFormat
from graftwork_solvers.wording import with_schema_told
from graftwork_solvers.wording import without_system

log = get_logger(__name__)

_CAN_BE_LEFT_OUT = frozenset(get_args(Parameter))
_SAME = {"repetition_penalty": "repeat_penalty", "top_logprobs": "logprobs"}
_MAX_TOKENS_NAMES = ("max_tokens", "max_completion_tokens")
_SEED_NAMES = ("seed", "random_seed")
_FORMATS: tuple[ResponseFormat, ...] = get_args(ResponseFormat)


class Dialect:
    """Starts as the pool's settings and the endpoint's known habits say, and learns from refusals.

    Reasoning models take no temperature and want the token limit under another name; Mistral's seed
    has another name, Gemini knows none; DeepSeek takes no JSON schema. Naming only the model has to
    be enough for all of them, so the first refusal teaches what the settings left unsaid.
    """

    def __init__(self, pool: PoolSettings, habits: Habits | None = None) -> None:
        habits = habits or Habits()
        self._omit: set[str] = {*pool.omit, *habits.omit}
        self._limits = list(dict.fromkeys((pool.max_tokens_parameter, *_MAX_TOKENS_NAMES)))
        self._seeds = list(_SEED_NAMES)
        self._formats = list(_FORMATS[_FORMATS.index(pool.response_format) :])
        self._tells_schemas = habits.ignores_schemas if pool.schema_in_prompt is None else pool.schema_in_prompt
        self._may_tell_schemas = pool.schema_in_prompt is None
        self._takes_system = True

    @property
    def omit(self) -> AbstractSet[str]:
        """Parameters not to send."""
        return frozenset(self._omit)

    @property
    def max_tokens_parameter(self) -> str:
        """The name of the token limit."""
        return self._limits[0]

    @property
    def tells_schemas(self) -> bool:
        """Whether a JSON schema is written into the prompt."""
        return self._tells_schemas or (self._may_tell_schemas and self._formats[0] != "json_schema")

    def spoken(self, body: Mapping[str, Any], schema: Mapping[str, Any] | None) -> dict[str, Any]:
        """The body of a call, in this dialect. ``schema``: what the answer has to fit."""
        spoken = {self._seeds[0] if name == "seed" else name: value for name, value in body.items()}
        if schema is not None:
            self._speak_of_schema(spoken, schema)
        if not self._takes_system:
            spoken["messages"] = without_system(spoken["messages"])
        return spoken

    def learn(self, refused: ParameterRefused) -> None:
        """Do without what was refused, as far as the call can."""
        for name in sorted(refused.parameters):
            self._learn(_SAME.get(name, name), because=str(refused))

    def learn_that_schemas_are_ignored(self) -> None:
        """Tell them in the prompt too from now on."""
        if not self.tells_schemas and self._may_tell_schemas:
            self._tells_schemas = True
            log.warning("endpoint.schema_ignored", instead="told in the prompt")

    def _speak_of_schema(self, body: dict[str, Any], schema: Mapping[str, Any]) -> None:
        if self._formats[0] == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif self._formats[0] == "none":
            body.pop("response_format", None)
        if self.tells_schemas:
            body["messages"] = with_schema_told(body["messages"], schema)

    def _learn(self, parameter: str, *, because: str) -> None:
        if parameter in _MAX_TOKENS_NAMES:
            _drop(self._limits, parameter)
        elif parameter in _SEED_NAMES and len(self._seeds) > 1:
            _drop(self._seeds, parameter)
        elif parameter == "response_format":
            _drop(self._formats, self._formats[0])
        elif parameter == SYSTEM:
            self._takes_system = False
        elif parameter in _SEED_NAMES:
            self._omit.add("seed")
        elif parameter in _CAN_BE_LEFT_OUT:
            self._omit.add(parameter)
        else:
            return
        log.warning("endpoint.parameter_refused", parameter=parameter, because=because)


def _drop(names: list[Any], name: str) -> None:
    """The last one stays: there is nothing to say instead."""
    if name in names and len(names) > 1:
        names.remove(name)
