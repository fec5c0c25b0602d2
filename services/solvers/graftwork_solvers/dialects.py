"""What each model's endpoint has turned out not to take."""

from collections.abc import Set as AbstractSet
from typing import get_args

from graftwork.kit.logging import get_logger
from graftwork_solvers.errors import ParameterRefused
from graftwork_solvers.settings import Parameter
from graftwork_solvers.settings import PoolSettings

log = get_logger(__name__)

_CAN_BE_LEFT_OUT = frozenset(get_args(Parameter))
_OTHER_NAMES = {"repetition_penalty": "repeat_penalty"}
_MAX_TOKENS_NAMES = ("max_tokens", "max_completion_tokens")


class Dialect:
    """Starts as the pool's settings say and learns from refusals.

    Reasoning models take no temperature and want the token limit under another name. Naming only
    the model has to be enough for them, so the first refusal teaches what the settings left unsaid.
    """

    def __init__(self, pool: PoolSettings) -> None:
        self._omit: set[str] = set(pool.omit)
        self._names = list(dict.fromkeys((pool.max_tokens_parameter, *_MAX_TOKENS_NAMES)))

    @property
    def omit(self) -> AbstractSet[str]:
        """Parameters not to send."""
        return frozenset(self._omit)

    @property
    def max_tokens_parameter(self) -> str:
        """The name of the token limit."""
        return self._names[0]

    def learn(self, refused: ParameterRefused) -> bool:
        """Whether the call is worth sending again, in the dialect as it is now."""
        parameter = _OTHER_NAMES.get(refused.parameter, refused.parameter)
        if parameter in _MAX_TOKENS_NAMES:
            return self._rename(parameter)
        if parameter not in _CAN_BE_LEFT_OUT or parameter in self._omit:
            return False
        self._omit.add(parameter)
        log.warning("endpoint.parameter_left_out", parameter=parameter, because=str(refused))
        return True

    def _rename(self, refused: str) -> bool:
        # A call sent before the rename was learnt by another may come here with the old name.
        if refused in self._names and len(self._names) > 1:
            self._names.remove(refused)
            log.warning("endpoint.parameter_renamed", parameter=refused, to=self._names[0])
            return True
        return refused not in self._names
